from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from holdfast.demo.shops import ShopName, create_shop
from holdfast.printing.places import mlflow_page
from serving.app import make_app
from serving.http.state import ServiceState
from settings import urls
from settings.load import load_settings

Run = Callable[..., tuple[int, str, str]]
PLANTED = "Pl4nted"
TABLE_QUERY = "select 'c1' as complaint_id, '000001' as customer_id, timestamp '2024-06-01' as opened_at"
COMMANDS = (
    "inspect", "validate --json {folder}/report.json", "features --as-of 2024-06-01", "diagnose", "compare", "train", "promote 1",
    "rollback", "score", "list", "run", "outcomes", "keys create --client crm --scope score", "keys list", "keys revoke 0",
    "suppress 000001", "forget 000002",
)  # fmt: skip
SUCCESSFUL = ("validate --json {folder}/report.json", "train", "promote 2 --force", "score", "list", "keys list", "rollback")


@pytest.fixture(autouse=True)
def clean_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urls, "_known_secrets", set())
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


def plant(patches: pytest.MonkeyPatch, store: str, tracking: str, table: str) -> None:
    patches.setenv("HOLDFAST__SERVING__STORE", store)
    patches.setenv("HOLDFAST__TRACKING__MLFLOW_URI", tracking)
    patches.setenv("HOLDFAST__TABLES__COMPLAINTS", f'{{url = "{table}", query = "{TABLE_QUERY}"}}')


def run_all(holdfast: Run, commands: tuple[str, ...], workshop: Path, codes: set[int]) -> str:
    """Run the commands and return all that they printed; none may end with a traceback."""
    output = []
    for command in commands:
        code, out, err = holdfast(*command.format(folder=workshop.parent).split(), "--config", workshop)
        assert (code in codes, "Traceback" in err) == (True, False), (command, code, out, err)
        output.append(out + err)
    return "\n".join(output)


def files_with(folder: Path, secret: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


FAULTY = [
    f"postgresql://me:{PLANTED}-password@127.0.0.1:1/shop",
    f"postgresql://me:{PLANTED}@x-password@127.0.0.1:1/shop",
    f"postgresql://127.0.0.1:1/shop?user=me&password={PLANTED}-query",
    f"mysql://me:{PLANTED}-password@127.0.0.1:1/shop",
    f"nonsense://me:{PLANTED}-password@127.0.0.1:1/shop",
]


@pytest.mark.slow
@pytest.mark.parametrize("url", FAULTY)
def test_no_command_shows_a_secret_of_a_store_that_it_cannot_reach(
    workshop: Path, holdfast: Run, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("HOLDFAST__SERVING__STORE", url)
    output = run_all(holdfast, (*COMMANDS, "serve"), workshop, {0, 2})
    assert "The score store of [serving] cannot be opened" in output
    assert PLANTED not in output
    assert files_with(workshop.parent, PLANTED) == []


@pytest.mark.slow
@pytest.mark.parametrize("url", FAULTY[:3])
def test_no_command_shows_or_stores_a_secret_of_a_table_that_it_cannot_read(
    workshop: Path, holdfast: Run, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("HOLDFAST__TABLES__COMPLAINTS", f'{{url = "{url}", query = "{TABLE_QUERY}"}}')
    output = run_all(holdfast, COMMANDS, workshop, {0, 1, 2})
    assert "Table complaints: the query on " in output
    assert PLANTED not in output
    assert files_with(workshop.parent, PLANTED) == []


@pytest.mark.slow
@pytest.mark.parametrize("uri", [f"http://me:{PLANTED}-password@127.0.0.1:1", f"http://{PLANTED}-token@127.0.0.1:1", *FAULTY[:2]])
def test_no_command_shows_a_secret_of_a_tracking_server_that_it_cannot_reach(
    workshop: Path, holdfast: Run, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.setenv("HOLDFAST__TRACKING__MLFLOW_URI", uri)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", f"{PLANTED}-variable")
    output = run_all(holdfast, ("promote 1", "train", "rollback"), workshop, {2})
    assert "The MLflow store of [tracking] cannot be used" in output
    assert PLANTED not in output
    assert files_with(workshop.parent, PLANTED) == []


@pytest.fixture
def schemas(postgres_url: str) -> Iterator[str]:
    """A PostgreSQL database with one empty schema for MLflow and one for the store."""
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        for schema in ("tracking", "scores"):
            connection.execute(sa.text(f"drop schema if exists {schema} cascade"))
            connection.execute(sa.text(f"create schema {schema}"))
    yield postgres_url
    with engine.begin() as connection:
        for schema in ("tracking", "scores"):
            connection.execute(sa.text(f"drop schema if exists {schema} cascade"))
    engine.dispose()


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(600)
def test_no_command_shows_or_stores_a_secret_of_databases_that_it_uses(
    tmp_path: Path, holdfast: Run, monkeypatch: pytest.MonkeyPatch, schemas: str
) -> None:
    shop = create_shop(ShopName.SIMULATED, tmp_path / "shop", customers=200, seed=3, weeks=30)
    url = sa.make_url(schemas)
    query = {"password": str(url.password)}  # counts before the planted one
    planted = {
        name: url.set(password=f"{PLANTED}-{name}", query=query | {"options": f"-csearch_path={schema}"}).render_as_string(
            hide_password=False
        )
        for name, schema in (("store", "scores"), ("tracking", "tracking"), ("table", "public"))
    }
    plant(monkeypatch, **planted)
    output = run_all(holdfast, SUCCESSFUL, shop, {0, 2})
    assert "Version 1 (" in output
    assert "MLflow: mlflow ui --backend-store-uri postgresql://" in output
    assert PLANTED not in output
    assert files_with(shop.parent, PLANTED) == []
    engine = sa.create_engine(planted["tracking"])
    with engine.connect() as connection:
        for table in ("experiments", "runs", "params", "tags", "model_versions", "model_version_tags", "logged_model_tags"):
            assert PLANTED not in str(connection.execute(sa.text(f"select * from {table}")).all())  # noqa: S608  # fixed names
    engine.dispose()


def test_the_service_shows_no_secret_of_a_store_that_went_away(
    workshop: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    state = ServiceState.open(load_settings(workshop, {}))
    state.engine.dispose()
    state.engine = sa.create_engine(FAULTY[0], connect_args={"connect_timeout": 2})
    (state.settings.workspace.path / "champion" / "CURRENT").write_bytes(b"")
    monkeypatch.setenv("PGPASSWORD", f"{PLANTED}-variable")
    paths = ("/readyz", "/runs/latest", "/ui/models", "/ui", "/lists/at_risk", "/metrics", "/docs.json")
    with TestClient(make_app(state), raise_server_exceptions=False, headers={"authorization": "Bearer x.y"}) as client:
        replies = [client.get(path, follow_redirects=False) for path in paths]
        replies.append(client.post("/score", json={"customer_ids": ["000001"]}))
    captured = capfdbinary.readouterr()
    assert {reply.status_code for reply in replies} & {503}
    assert all(PLANTED not in reply.text for reply in replies)
    assert PLANTED.encode() not in captured.out + captured.err
    state.engine.dispose()


def test_a_defect_shows_its_traceback_without_secrets(workshop: Path, holdfast: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(f"cannot use {FAULTY[0]}")

    monkeypatch.setattr("training.registry.promotion.promote", fail)
    code, out, err = holdfast("promote", "1", "--config", workshop)
    assert (code, out, err.splitlines()[-1]) == (1, "", "RuntimeError: cannot use postgresql://me:***@127.0.0.1:1/shop")


def test_the_printed_place_of_the_runs_has_no_password() -> None:
    assert mlflow_page("http://me:hunter2@tracking:5000") == "http://me:***@tracking:5000"
    assert mlflow_page("sqlite:////srv/mlflow.db") == "mlflow ui --backend-store-uri sqlite:////srv/mlflow.db"
    assert mlflow_page("postgresql://me:hunter2@db/mlflow") == (
        "mlflow ui --backend-store-uri postgresql://me:***@db/mlflow (with the password in place of ***)"
    )


def test_the_demo_prints_its_places_without_passwords(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from types import SimpleNamespace

    from rich.console import Console

    from holdfast.demo.tour import _print_places

    (tmp_path / "holdfast.toml").write_text('[tables]\ntransactions = "t.csv"\n', encoding="utf-8")
    variables = {"HOLDFAST__SERVING__STORE": FAULTY[0], "HOLDFAST__TRACKING__MLFLOW_URI": FAULTY[2]}
    session = SimpleNamespace(settings=load_settings(tmp_path / "holdfast.toml", variables))
    _print_places(Console(width=200), tmp_path, session, tmp_path, tmp_path)  # type: ignore[arg-type]  # all that is printed
    printed = capsys.readouterr().out
    assert "postgresql://me:***@127.0.0.1:1/shop" in printed
    assert PLANTED not in printed
