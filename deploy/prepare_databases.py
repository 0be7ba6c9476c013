"""Create the databases and roles of compose.yaml, migrate the store, and give each role its rights. Safe to repeat.

Run: python deploy/prepare_databases.py --admin postgresql://postgres@postgres:5432/postgres --secrets /run/secrets

An image's own init scripts run on an empty volume only; this runs with every `docker compose up`, so that a new password or a new
version of Holdfast takes effect. The configuration names the store with its owner, as for every command.
"""

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from holdfast.jobs.store import StoreHandle
from serving.store.engine import open_store
from serving.store.rights import grant_service_rights
from settings.errors import UserError
from settings.load import load_settings
from settings.password_files import read_password, with_password
from settings.sections import Settings

CONNECT_SECONDS = 5
PLAIN = "login nosuperuser nocreatedb nocreaterole noreplication nobypassrls"


@dataclass(frozen=True)
class Role:
    """A role, the file of its password, and the databases that it owns."""

    name: str
    secret: str
    databases: tuple[str, ...] = ()


def roles_of(prefix: str) -> tuple[Role, Role, Role]:
    """Return the owner of the store, the service, and MLflow."""
    return (
        Role(f"{prefix}_owner", "store_owner_password", (prefix,)),
        Role(f"{prefix}_service", "store_service_password"),
        Role(f"{prefix}_mlflow", "mlflow_database_password", (f"{prefix}_mlflow", f"{prefix}_mlflow_users")),
    )


def prepare(admin_url: str, secrets: Path, config: Path, prefix: str) -> None:
    """Create what is missing, set the passwords, and set the rights exactly."""
    owner, service, mlflow = roles_of(prefix)
    admin = with_password(admin_url, read_secret(secrets, "postgres_password"))
    with psycopg.connect(admin, autocommit=True, connect_timeout=CONNECT_SECONDS) as connection:
        for role in (owner, service, mlflow):
            _ensure_role(connection, role, read_secret(secrets, role.secret))
            for database in role.databases:
                _ensure_database(connection, database, role.name)
        _allow_connections(connection, prefix, service.name)
    with psycopg.connect(admin, dbname=prefix, autocommit=True, connect_timeout=CONNECT_SECONDS) as connection:
        _open_schema(connection, owner.name, service.name)
    _prepare_store(load_settings(config), service.name)


def _prepare_store(settings: Settings, service: str) -> None:
    """Migrate the store and set the rights of the service; note what still keeps the workspace from using it.

    A lost store or secret is no reason to fail: `restore` repairs it, and needs the databases.
    """
    engine = open_store(settings.store_url)
    grant_service_rights(engine, service)
    engine.dispose()
    try:
        with StoreHandle(settings) as store:
            store.open()
    except UserError as error:
        sys.stderr.write(f"{error}\n")


def read_secret(folder: Path, name: str) -> str:
    """Return the password in a file of `folder`. Raises UserError naming the file."""
    try:
        return read_password(folder / name)
    except ValueError as error:
        raise UserError(f"The secret {folder / name} {error}.") from None


def _ensure_role(connection: psycopg.Connection, role: Role, password: str) -> None:
    """Create the role if it is missing, without any privilege, and set its password; the server never sees it in clear text."""
    name = sql.Identifier(role.name)
    if not connection.execute("select 1 from pg_roles where rolname = %s", [role.name]).fetchone():
        connection.execute(sql.SQL("create role {}").format(name))
    verifier = connection.pgconn.encrypt_password(password.encode(), role.name.encode(), b"scram-sha-256").decode()
    connection.execute(sql.SQL("alter role {} with {} password {}").format(name, sql.SQL(PLAIN), sql.Literal(verifier)))


def _ensure_database(connection: psycopg.Connection, database: str, owner: str) -> None:
    names = {"database": sql.Identifier(database), "owner": sql.Identifier(owner)}
    exists = connection.execute("select 1 from pg_database where datname = %s", [database]).fetchone()
    action = "alter database {database} owner to {owner}" if exists else "create database {database} owner {owner}"
    for statement in (action, "revoke all on database {database} from public"):
        connection.execute(sql.SQL(statement).format(**names))


def _allow_connections(connection: psycopg.Connection, database: str, service: str) -> None:
    connection.execute(sql.SQL("grant connect on database {} to {}").format(sql.Identifier(database), sql.Identifier(service)))


def _open_schema(connection: psycopg.Connection, owner: str, service: str) -> None:
    """Let the owner create tables and the service use them; before version 15 everybody could create."""
    names = {"owner": sql.Identifier(owner), "service": sql.Identifier(service)}
    for statement in (
        "revoke all on schema public from public",
        "grant usage, create on schema public to {owner}",
        "grant usage on schema public to {service}",
    ):
        connection.execute(sql.SQL(statement).format(**names))


def main() -> None:
    """Prepare the databases as the command line says; a problem is one sentence, with exit code 2."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--admin", required=True, help="URL of a superuser, without password")
    parser.add_argument("--secrets", type=Path, required=True, help="folder with a file per password")
    parser.add_argument("--prefix", default="holdfast", help="how the names of databases and roles begin")
    parser.add_argument("--config", type=Path, default=os.environ.get("HOLDFAST_CONFIG", "holdfast.toml"))
    options = parser.parse_args()
    try:
        prepare(options.admin, options.secrets, options.config, options.prefix)
    except (UserError, ValueError) as error:
        sys.exit(_fail(str(error)))
    except psycopg.Error as error:
        sys.exit(_fail(f"PostgreSQL refused: {str(error).splitlines()[0]}."))
    sys.stdout.write("The databases, their roles and the store are ready.\n")


def _fail(message: str) -> int:
    sys.stderr.write(f"{message}\n")
    return 2


if __name__ == "__main__":
    main()
