"""The script that creates databases and roles, on a real server: it is idempotent, and the rights are exact."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import errors

from serving.store.engine import open_store
from serving.store.rights import MAINTAIN_SINCE, SERVICE_RIGHTS, may_vacuum
from serving.store.schema import METADATA, VERSION_TABLE, score_table
from settings.password_files import with_password

ROOT = Path(__file__).resolve().parents[2]
PASSWORDS = {
    "postgres_password": "su per@/:#%41?",
    "store_owner_password": 'own@r /:#%%40?pass "x" $HOME `id`',
    "store_service_password": " serv'ice @/:#%?[]&=+ ",
    "mlflow_database_password": "ml flow\\@/:#%41?ü",
}


@dataclass(frozen=True)
class Site:
    """The files of an installation, and the addresses of its databases."""

    folder: Path
    port: int

    def url(self, user: str, database: str) -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def connect(self, user: str, secret: str, database: str) -> psycopg.Connection:
        url = with_password(self.url(user, database), PASSWORDS[secret])
        return psycopg.connect(url, autocommit=True, connect_timeout=5)

    def prepare(self) -> subprocess.CompletedProcess[str]:
        script = [sys.executable, ROOT / "deploy" / "prepare_databases.py"]
        options = ["--admin", self.url("postgres", "postgres"), "--secrets", self.folder / "secrets"]
        environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "HOLDFAST_CONFIG": str(self.folder / "holdfast.toml"),
            "HOLDFAST__SERVING__STORE": self.url("holdfast_owner", "holdfast"),
            "HOLDFAST__SERVING__STORE_PASSWORD_FILE": "secrets/store_owner_password",
        }
        return subprocess.run([*script, *options], capture_output=True, text=True, check=False, env=environment)


@pytest.fixture(scope="module")
def site(cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Site:  # noqa: ANN401  # of the fixture's own module
    folder = tmp_path_factory.mktemp("site")
    (folder / "secrets").mkdir()
    for name, password in PASSWORDS.items():
        (folder / "secrets" / name).write_text(f"{password}\n", encoding="utf-8")
    (folder / "holdfast.toml").write_text('[tables]\ntransactions = "orders.csv"\n', encoding="utf-8")
    site = Site(folder, cluster.port)
    result = site.prepare()
    assert (result.returncode, result.stderr) == (0, "")
    return site


def rights(site: Site) -> dict[tuple[str, str], set[str]]:
    """Return what each of our roles may do with each table of the store, as the catalogue has it."""
    query = "select table_name, grantee, privilege_type from information_schema.role_table_grants where table_schema = 'public'"
    found: dict[tuple[str, str], set[str]] = {}
    with site.connect("postgres", "postgres_password", "holdfast") as connection:
        for table, role, privilege in connection.execute(query).fetchall():
            found.setdefault((table, role), set()).add(privilege.lower())
    return found


def test_every_table_of_the_store_says_what_the_service_may_do() -> None:
    assert set(SERVICE_RIGHTS) == {table.name for table in METADATA.sorted_tables} | {VERSION_TABLE}


def test_every_role_signs_in_with_its_password_to_its_own_databases_only(site: Site) -> None:
    roles = {
        ("holdfast_owner", "store_owner_password"): {"holdfast"},
        ("holdfast_service", "store_service_password"): {"holdfast"},
        ("holdfast_mlflow", "mlflow_database_password"): {"holdfast_mlflow", "holdfast_mlflow_users"},
    }
    for (role, secret), own in roles.items():
        for database in ("holdfast", "holdfast_mlflow", "holdfast_mlflow_users"):
            if database in own:
                site.connect(role, secret, database).close()
                continue
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                site.connect(role, secret, database)


def test_no_role_has_a_privilege_of_the_server(site: Site) -> None:
    privileges = "rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls"
    query = f"select rolname, {privileges} from pg_roles where rolname like 'holdfast%'"  # noqa: S608  # fixed text
    with site.connect("postgres", "postgres_password", "postgres") as connection:
        found = dict(connection.execute(query).fetchall())
    assert found == {"holdfast_owner": False, "holdfast_service": False, "holdfast_mlflow": False}


def test_the_service_has_exactly_its_rights(site: Site) -> None:
    found = {
        table: given & {"select", "insert", "update", "delete", "truncate", "references", "trigger"}
        for (table, role), given in rights(site).items()
        if role == "holdfast_service" and table in SERVICE_RIGHTS
    }
    assert found == {table: set(given) for table, given in SERVICE_RIGHTS.items()}


@pytest.mark.parametrize(
    "statement",
    [
        "create table mine (x int)",
        "drop table audit",
        "update audit set client = 'me'",
        "delete from audit",
        "truncate audit",
        "insert into api_keys values ('1', 'me', 'admin', 'x', now(), now(), null)",
        "update api_keys set revoked_at = null",
        "update scoring_runs set state = 'withdrawn'",
        "update store_meta set value = 'x'",
        "update holdfast_version set version_num = '0001'",
        "delete from lists",
        "delete from list_rows",
        "alter table audit disable trigger all",
        "set role holdfast_owner",
        "create schema mine",
    ],
)
def test_the_service_cannot(statement: str, site: Site) -> None:
    with (
        site.connect("holdfast_service", "store_service_password", "holdfast") as connection,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def test_the_service_reads_later_runs_and_erases_from_them_but_changes_no_score(site: Site) -> None:
    with store_of(site, "owner") as engine, engine.begin() as owner:
        score_table(77).create(owner)
        owner.execute(score_table(77).insert().values(customer_id="a"))
    with site.connect("holdfast_service", "store_service_password", "holdfast") as service:
        assert service.execute("select customer_id from scores_77").fetchall() == [("a",)]
        for statement in ("update scores_77 set p_churn = 0", "insert into scores_77 (customer_id) values ('b')"):
            with pytest.raises(errors.InsufficientPrivilege):
                service.execute(statement)
        assert service.execute("delete from scores_77").rowcount == 1
    with store_of(site, "owner") as engine, engine.begin() as owner:
        score_table(77).drop(owner)


def test_a_role_that_cannot_vacuum_knows_it(site: Site) -> None:
    with store_of(site, "owner") as engine, engine.connect() as connection:
        assert may_vacuum(connection, ["list_rows"])
        has_maintain = (connection.dialect.server_version_info or ()) >= MAINTAIN_SINCE
    with store_of(site, "service") as engine, engine.connect() as connection:
        assert may_vacuum(connection, ["list_rows"]) == has_maintain


def test_repeating_changes_nothing(site: Site) -> None:
    before = rights(site)
    result = site.prepare()
    assert (result.returncode, result.stdout) == (0, "The databases, their roles and the store are ready.\n")
    assert rights(site) == before


def test_repeating_takes_back_what_was_granted_by_hand_and_follows_a_new_password(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rights(site)
    with site.connect("postgres", "postgres_password", "holdfast") as admin:
        admin.execute("grant all on audit to holdfast_service")
        admin.execute("alter role holdfast_service createdb")
    file = site.folder / "secrets" / "store_service_password"
    old = file.read_text(encoding="utf-8")
    file.write_text("new @/:# password\n", encoding="utf-8")
    assert site.prepare().returncode == 0
    assert rights(site) == before
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        site.connect("holdfast_service", "store_service_password", "holdfast")
    monkeypatch.setitem(PASSWORDS, "store_service_password", "new @/:# password")
    site.connect("holdfast_service", "store_service_password", "holdfast").close()
    file.write_text(old, encoding="utf-8")
    assert site.prepare().returncode == 0


@pytest.mark.parametrize(
    ("content", "problem"), [("", "is empty."), ("a\nb\n", "contains a line break"), ("wrong\n", "PostgreSQL refused:")]
)
def test_a_bad_secret_is_one_sentence_with_exit_code_2(content: str, problem: str, site: Site) -> None:
    file = site.folder / "secrets" / "postgres_password"
    file.write_text(content, encoding="utf-8")
    try:
        result = site.prepare()
    finally:
        file.write_text(f"{PASSWORDS['postgres_password']}\n", encoding="utf-8")
    assert result.returncode == 2
    assert problem in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_server_never_saw_a_password(site: Site) -> None:
    with site.connect("postgres", "postgres_password", "postgres") as connection:
        stored = connection.execute("select rolpassword from pg_authid where rolname like 'holdfast%'").fetchall()
    assert [text.split("$")[0] for (text,) in stored] == ["SCRAM-SHA-256"] * 3


@contextmanager
def store_of(site: Site, role: str) -> Iterator[sa.Engine]:
    engine = open_store(with_password(site.url(f"holdfast_{role}", "holdfast"), PASSWORDS[f"store_{role}_password"]))
    try:
        yield engine
    finally:
        engine.dispose()
