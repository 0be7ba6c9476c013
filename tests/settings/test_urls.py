from pathlib import Path

import pytest

from settings import urls
from settings.errors import SettingsError, first_line
from settings.load import load_settings
from settings.urls import hide_credentials, remember_environment, remember_secrets


@pytest.fixture(autouse=True)
def no_known_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urls, "_known_secrets", set())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:hunter2@db:5432/shop", "postgresql://me:***@db:5432/shop"),
        ("postgresql+psycopg://me:p@ss/w:rd@db/shop", "postgresql+psycopg://me:***@db/shop"),
        ("http://me:pw@a/x and mysql://you:word@b/y", "http://me:***@a/x and mysql://you:***@b/y"),
        ("https://t0ken@example.com/repository", "https://***@example.com/repository"),
        ("postgresql://me@db/shop", "postgresql://me@db/shop"),
        ("no file /srv/postgresql:/me:hunter2@db/shop", "no file /srv/postgresql:/me:***@db/shop"),
        ("{'url': 'postgresql://me:hunter2@db/shop'}", "{'url': 'postgresql://me:***@db/shop'}"),
        (
            "postgresql://db/shop?user=me&password=hunter2&sslmode=require",
            "postgresql://db/shop?user=me&password=***&sslmode=require",
        ),
        ("mssql://?odbc_connect=DRIVER%3DX%3BPWD%3Dhunter2", "mssql://?odbc_connect=***"),
        ("host=db user=me password='hun ter2' dbname=shop", "host=db user=me password=*** dbname=shop"),
        ('{"password": "hunter2"}', '{"password": ***}'),
        ("Authorization: Basic bWU6aHVudGVyMg==", "Authorization: Basic ***"),
        ("https://files/x?X-Amz-Signature=abc&part=1", "https://files/x?X-Amz-Signature=***&part=1"),
        ("sqlite:////srv/w/scores.db", "sqlite:////srv/w/scores.db"),
        ("mail a@b.example at 10:30, basic customers", "mail a@b.example at 10:30, basic customers"),
        ('password authentication failed for user "me"', 'password authentication failed for user "me"'),
    ],
)
def test_credentials_are_hidden_and_the_rest_stays(text: str, shown: str) -> None:
    assert hide_credentials(text) == shown


def test_a_piece_of_a_malformed_url_is_hidden_once_the_url_is_known() -> None:
    remember_secrets("postgresql://me:hunter2@home%21x@db/shop")
    message = 'could not translate host name "home%21x@db" to address; home!x, hunter2'
    assert hide_credentials(message) == 'could not translate host name "***@db" to address; ***, ***'


def test_words_that_a_url_shows_anyway_are_not_hidden_elsewhere() -> None:
    remember_secrets("postgresql://holdfast:holdfast@db/holdfast")
    assert hide_credentials("run `holdfast train`") == "run `holdfast train`"


def test_working_directories_and_paths_of_secrets_are_shown() -> None:
    folder = "/srv/holdfast"
    remember_environment({"PWD": folder, "OLDPWD": "/srv", "HOLDFAST__SERVING__SECRET_FILE": "/run/secrets/key"})
    assert hide_credentials(f"file {folder}/workspace/lists/a.csv, {folder}") == f"file {folder}/workspace/lists/a.csv, {folder}"
    assert hide_credentials("the secret in /run/secrets/key") == "the secret in /run/secrets/key"


def test_secrets_in_the_environment_are_hidden_wherever_they_appear() -> None:
    remember_environment(
        {"PGPASSWORD": "hunter2+hunter3", "MLFLOW_TRACKING_TOKEN": "t0k-en", "HOME": "/srv", "PASSWORD": "table"}
    )
    assert hide_credentials("hunter2+hunter3, t0k-en, /srv and table") == "***, ***, /srv and table"


def test_the_first_line_of_an_error_is_hidden_before_it_is_cut() -> None:
    error = ValueError(f"{'x' * 170} postgresql://me:{'hunter2' * 10}@db/shop")
    assert "hunter2" not in first_line(error)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('transactions = {url = "postgresql://me:hunter2@db/shop"}', "the key tables.transactions.query is missing"),
        (
            'transactions = {url = "postgresql://me:hunter2@db/shop", query = 3}',
            "tables.transactions.query should be a valid string",
        ),
        (
            'transactions = "postgresql://me:hunter2@db/shop"',
            "tables.transactions should be a file, or {url, query} for a database",
        ),
        ('transactions = ["postgresql://me:hunter2@db/shop"]', "tables.transactions should be"),
        (
            'transactions = "t.csv"\n[serving]\nstore = "postgresql://me:hunter2@db:port/shop"',
            "serving.store should be a URL such as",
        ),
        (
            'transactions = "t.csv"\n[tracking]\nmlflow_uri = "http://me:hun@ter2:x@y:z"',
            "tracking.mlflow_uri should be a URL such as",
        ),
        (
            'transactions = "t.csv"\n[serving]\nstore = ["postgresql://me:hunter2@db/shop"]',
            "serving.store should be a valid string",
        ),
    ],
)
def test_a_faulty_configuration_is_reported_without_its_secrets(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "holdfast.toml").write_text(f"[tables]\n{text}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as error:
        load_settings(tmp_path / "holdfast.toml", {})
    assert sentence in str(error.value)
    assert "hunter2" not in str(error.value)
    assert "ter2" not in str(error.value)
