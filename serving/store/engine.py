"""Open the store: SQLite in write-ahead mode or PostgreSQL, migrated to the current schema."""

import os
import shutil
import sqlite3
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from serving.store.migrate import StoreNewerError, bring_up_to_date
from settings.errors import UserError, first_line

BUSY_MILLISECONDS, RETRY_SECONDS = 15_000, 0.1
LAST_USED, IDLE_SECONDS = "last_used", 2.0
MIN_FREE_BYTES = 1 << 17  # for the write-ahead log and its index
PRIMARY_CODE = 0xFF  # SQLite's extended result codes keep the primary one in the lowest byte
LOCKED_CODES = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
POSTGRES_OPTIONS: dict[str, Any] = {
    "connect_timeout": 3,
    "options": "-c statement_timeout=60000 -c lock_timeout=15000",
    "application_name": "holdfast",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,
}


class StoreError(UserError):
    """The score store cannot be opened; the message quotes the database's first line."""


def open_store(url: str, connections: int = 5) -> sa.Engine:
    """Return an engine on the store, migrated to the current schema. Raises StoreError.

    The pool keeps up to `connections` connections and opens two more under load. A dead connection is replaced before use.
    """
    try:
        engine = _create_engine(make_url(url), connections)
    except (SQLAlchemyError, ModuleNotFoundError) as error:
        raise _store_error(error, url) from None
    try:
        bring_up_to_date(engine)
    except (StoreNewerError, SQLAlchemyError) as error:
        engine.dispose()
        raise (StoreError(str(error)) if isinstance(error, StoreNewerError) else _store_error(error, url)) from None
    return engine


def _store_error(error: Exception, url: str) -> StoreError:
    return StoreError(f"The score store of [serving] cannot be opened: {_disk_problem(url) or first_line(error)}.")


def _disk_problem(url: str) -> str | None:
    """Return what is wrong with the disk of a SQLite file, which SQLite reports as an error of its own; None if nothing is."""
    if not url.startswith("sqlite:///"):
        return None
    folder = Path(make_url(url).database or "").parent
    if folder.is_dir() and shutil.disk_usage(folder).free < MIN_FREE_BYTES:
        return f"the disk of {folder} is full. Make room, and run the command again. A running service still answers"
    if folder.is_dir() and os.statvfs(folder).f_flag & os.ST_RDONLY:
        return f"the disk of {folder} is read-only. Make it writable, and run the command again"
    return None


def store_exists(url: str) -> bool:
    """Whether there is a store to open. A SQLite file may not exist yet; a PostgreSQL database is assumed to."""
    parsed = make_url(url)
    return parsed.get_backend_name() != "sqlite" or bool(parsed.database and Path(parsed.database).is_file())


def _create_engine(url: URL, connections: int) -> sa.Engine:
    options: dict[str, Any] = {"pool_size": connections, "max_overflow": 2, "pool_timeout": 5, "hide_parameters": True}
    if url.get_backend_name() == "postgresql":
        engine = sa.create_engine(url, connect_args=_postgres_options(url), **options)
        sa.event.listen(engine, "checkin", _mark_used)
        sa.event.listen(engine, "checkout", _check_alive)
        return engine
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, **options)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _set_pragmas)
    return engine


def _postgres_options(url: URL) -> dict[str, Any]:
    """Return our options; those of the URL, such as a search path, count too."""
    own = url.query.get("options", "")
    return POSTGRES_OPTIONS | {"options": f"{POSTGRES_OPTIONS['options']} {own if isinstance(own, str) else ' '.join(own)}"}


@lru_cache(maxsize=16)
def autocommit(engine: sa.Engine) -> sa.Engine:
    """Return the engine in autocommit mode, for single statements: each sees a consistent snapshot without a transaction.

    SQLite opens no transaction for reads anyway, so its engine is returned as it is.
    """
    return engine if engine.dialect.name == "sqlite" else engine.execution_options(isolation_level="AUTOCOMMIT")


def _mark_used(_connection: Any, record: Any) -> None:  # noqa: ANN401  # the pool's own types
    record.info[LAST_USED] = time.monotonic()


def _check_alive(connection: Any, record: Any, _proxy: Any) -> None:  # noqa: ANN401  # likewise
    """Probe a connection that has been idle; one used recently is checked by its next statement."""
    if time.monotonic() - record.info.get(LAST_USED, time.monotonic()) < IDLE_SECONDS:
        return
    try:
        connection.execute("select 1")
        connection.rollback()
    except Exception:  # noqa: BLE001  # any error means a dead connection; the pool then opens another
        raise sa.exc.DisconnectionError from None


def _set_pragmas(connection: Any, _record: Any) -> None:  # noqa: ANN401  # the driver's own types
    """Use write-ahead logging, so that readers and the one writer do not block each other, and overwrite deleted data."""
    connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    _enable_write_ahead(connection)
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("PRAGMA foreign_keys=ON")


def _enable_write_ahead(connection: Any) -> None:  # noqa: ANN401  # the driver's own type
    """Switch to write-ahead logging.

    The switch needs exclusive access and ignores the busy timeout, so processes that open a new file together must retry.
    """
    for _ in range(int(BUSY_MILLISECONDS / 1000 / RETRY_SECONDS)):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & PRIMARY_CODE not in LOCKED_CODES:
                raise
            time.sleep(RETRY_SECONDS)
        else:
            return
