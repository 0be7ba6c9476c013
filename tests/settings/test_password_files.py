from pathlib import Path

import pytest
import sqlalchemy as sa
from requests.utils import get_auth_from_url

from settings import urls
from settings.errors import SettingsError
from settings.load import load_settings
from settings.password_files import read_password, with_password
from settings.urls import hide_credentials

STORE_TEXT = "store p@ss/w:rd#1"
ODD = [
    "p@ss/w:rd#1?2%3",
    " spaces  inside and around ",
    "%40%",
    'it\'s "quoted" $HOME `id` \\n',
    "+ & = ; ,",
    "[::1]",
    "pässwört",
]
URLS = {"HOLDFAST__SERVING__STORE": "postgresql://me@db:5432/shop", "HOLDFAST__TRACKING__MLFLOW_URI": "http://me@mlflow:5000"}
FILES = {"HOLDFAST__SERVING__STORE_PASSWORD_FILE": "store", "HOLDFAST__TRACKING__MLFLOW_PASSWORD_FILE": "mlflow"}


@pytest.fixture(autouse=True)
def no_known_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urls, "_known_secrets", set())


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "holdfast.toml"
    path.write_text('[tables]\ntransactions = "orders.csv"\n', encoding="utf-8")
    for name in ("store", "mlflow"):
        (tmp_path / name).write_text(f"{name} p@ss/w:rd#1\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("password", ODD)
def test_any_password_arrives_unchanged_at_sqlalchemy_and_at_requests(password: str, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{password}\n", encoding="utf-8")
    read = read_password(tmp_path / "password")
    assert sa.make_url(with_password("postgresql://me@db:5432/shop?sslmode=require", read)).password == password
    assert sa.make_url(with_password("postgresql://me@/shop?host=/socket", read)).query == {"host": "/socket"}
    assert get_auth_from_url(with_password("http://me@mlflow:5000/prefix", read)) == ("me", password)


def test_the_passwords_of_store_tracking_and_tables_come_from_files_beside_the_configuration(config: Path) -> None:
    query = '{url = "postgresql://me@db/shop", query = "select 1", password_file = "store"}'
    config.write_text(f"[tables]\ntransactions = {query}\n", encoding="utf-8")
    settings = load_settings(config, URLS | FILES)
    assert sa.make_url(settings.store_url).password == STORE_TEXT
    assert get_auth_from_url(settings.mlflow_uri) == ("me", "mlflow p@ss/w:rd#1")
    assert not isinstance(settings.tables.transactions, str)
    assert sa.make_url(settings.tables.transactions.url).password == STORE_TEXT


def test_passwords_of_files_are_hidden_from_then_on(config: Path) -> None:
    settings = load_settings(config, URLS | FILES)
    assert hide_credentials(settings.store_url) == "postgresql://me:***@db:5432/shop"
    assert hide_credentials("the driver quotes store p@ss/w:rd#1 alone") == "the driver quotes *** alone"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "which cannot be read: No such file or directory."),
        (b"", "which is empty."),
        (b"\n\n", "which is empty."),
        (b"secret\r\n", "keep one line, without carriage returns."),
        (b"first\nsecond\n", "keep one line, without carriage returns."),
        (b"\xff\xfe", "which is not UTF-8 text."),
    ],
)
def test_an_unusable_file_is_one_sentence_without_its_text(content: bytes | None, problem: str, config: Path) -> None:
    (config.parent / "store").unlink()
    if content is not None:
        (config.parent / "store").write_bytes(content)
    with pytest.raises(SettingsError) as error:
        load_settings(config, URLS | FILES)
    assert str(error.value).startswith(f"{config}: serving.store_password_file names store, which")
    assert str(error.value).endswith(problem)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("postgresql://db/shop", "serving.store names no user"),
        ("postgresql://@db/shop", "serving.store names no user"),
        ("postgresql://me:hunter2@db/shop", "serving.store has a password already"),
        ("sqlite:///scores.db", "serving.store names no user"),
    ],
)
def test_a_url_that_cannot_take_the_password_is_refused(url: str, problem: str, config: Path) -> None:
    with pytest.raises(SettingsError, match=problem) as error:
        load_settings(config, URLS | FILES | {"HOLDFAST__SERVING__STORE": url})
    assert "hunter2" not in str(error.value)


def test_a_password_without_its_url_is_refused(config: Path) -> None:
    with pytest.raises(SettingsError, match=r"serving\.store_password_file needs serving\.store"):
        load_settings(config, {"HOLDFAST__SERVING__STORE_PASSWORD_FILE": "store"})
