"""Bring a store from whatever version it has to the present one, by one process at a time."""

import warnings
from pathlib import Path

import sqlalchemy as sa

from serving.store.schema import VERSION, VERSION_TABLE

MIGRATIONS = Path(__file__).resolve().parent / "migrations"
LOCK = 0x686F6C64  # any number of our own


class StoreNewerError(Exception):  # noqa: N818  # it names the state of the store
    """A later Holdfast made this store."""


def bring_up_to_date(engine: sa.Engine) -> None:
    """Migrate the store in one transaction; nothing is done to one that is up to date.

    Raises StoreNewer where the store has a version that this code does not know.
    """
    if version_of(engine) == VERSION:
        return
    with engine.connect() as connection:
        _alone(connection)
        found = _version(connection)
        if found not in {None, *_known()}:
            raise StoreNewerError(
                f"The score store has version {found}; this Holdfast knows versions up to {VERSION}: update it."
            )
        if found != VERSION:
            _upgrade(connection)
        connection.commit()


def version_of(engine: sa.Engine) -> str | None:
    """Return the version of the store's schema; None for a new or an old one without a version."""
    with engine.connect() as connection:
        return _version(connection)


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.scalar(sa.select(sa.column("version_num")).select_from(sa.table(VERSION_TABLE)))
    return found


def _known() -> set[str]:
    return {path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("*.py")}


def _alone(connection: sa.Connection) -> None:
    """Wait for other processes that may be doing the same. SQLite gives the write lock to one."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        command.upgrade(config, VERSION)
