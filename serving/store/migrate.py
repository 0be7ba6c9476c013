"""Migrate a store from any earlier version to the current schema, by one process at a time."""

import warnings
from pathlib import Path

import sqlalchemy as sa

from serving.store.schema import SCHEMA_VERSION, VERSION_TABLE

MIGRATIONS = Path(__file__).resolve().parent / "migrations"
MIGRATION_LOCK_ID = 0x686F6C64  # an arbitrary number of our own


class StoreNewerError(Exception):
    """The store was created by a later Holdfast."""


def bring_up_to_date(engine: sa.Engine) -> None:
    """Migrate the store in one transaction; leave an up-to-date store alone.

    Raises StoreNewerError if this code does not know the version of the store.
    """
    if schema_version(engine) == SCHEMA_VERSION:
        return
    with engine.connect() as connection:
        _lock_store(connection)
        version = _read_version(connection)
        if version not in {None, *_known_versions()}:
            raise StoreNewerError(
                f"The score store has version {version}; this Holdfast knows versions up to {SCHEMA_VERSION}. Update Holdfast."
            )
        if version != SCHEMA_VERSION:
            _upgrade(connection)
        connection.commit()


def schema_version(engine: sa.Engine) -> str | None:
    """Return the version of the store's schema; None for an empty store or one from before there were versions."""
    with engine.connect() as connection:
        return _read_version(connection)


def _read_version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    version: str | None = connection.scalar(sa.select(sa.column("version_num")).select_from(sa.table(VERSION_TABLE)))
    return version


def _known_versions() -> set[str]:
    return {path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("*.py")}


def _lock_store(connection: sa.Connection) -> None:
    """Wait for other processes that may be migrating the same store. On SQLite the write lock serves as the lock."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK_ID)))


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        command.upgrade(config, SCHEMA_VERSION)
