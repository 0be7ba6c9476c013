"""Open the store: SQLite in write-ahead mode, or PostgreSQL; brought up to the present schema."""

import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from serving.store.migrate import StoreNewerError, bring_up_to_date
from settings.errors import UserError, first_line

BUSY_MILLISECONDS = 15_000
USED, IDLE_SECONDS = "used", 2.0
POSTGRES: dict[str, Any] = {
    "connect_timeout": 3,
    "options": "-c statement_timeout=60000 -c lock_timeout=15000",
    "application_name": "holdfast",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,
}


class StoreError(UserError):  # noqa: N818  # it names the state of the store, as the documentation does
    """The score store cannot be opened; the text says what the database said."""


def open_store(url: str, connections: int = 5) -> sa.Engine:
    """Return an engine on the store, with its tables as they are now. Raises StoreUnusable.

    `connections` is how many are kept and used at most. A connection that died is replaced before it is used.
    """
    try:
        engine = _engine(make_url(url), connections)
    except (SQLAlchemyError, ModuleNotFoundError) as error:
        raise _unusable(error) from None
    try:
        bring_up_to_date(engine)
    except (StoreNewerError, SQLAlchemyError) as error:
        engine.dispose()
        raise (StoreError(str(error)) if isinstance(error, StoreNewerError) else _unusable(error)) from None
    return engine


def _unusable(error: Exception) -> StoreError:
    return StoreError(f"The score store of [serving] cannot be opened: {first_line(error)}.")


def has_store(url: str) -> bool:
    """Whether there is a store to open: a SQLite file may not be there yet."""
    parsed = make_url(url)
    return parsed.get_backend_name() != "sqlite" or bool(parsed.database and Path(parsed.database).is_file())


def _engine(url: URL, connections: int) -> sa.Engine:
    how: dict[str, Any] = {"pool_size": connections, "max_overflow": 2, "pool_timeout": 5, "hide_parameters": True}
    if url.get_backend_name() == "postgresql":
        engine = sa.create_engine(url, connect_args=POSTGRES, **how)
        sa.event.listen(engine, "checkin", _remember_use)
        sa.event.listen(engine, "checkout", _alive)
        return engine
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, **how)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare)
    return engine


@lru_cache(maxsize=16)
def reading(engine: sa.Engine) -> sa.Engine:
    """Return the same engine for single statements, each of which sees a whole state: without a transaction around.

    SQLite opens none for reading anyway.
    """
    return engine if engine.dialect.name == "sqlite" else engine.execution_options(isolation_level="AUTOCOMMIT")


def _remember_use(_connection: Any, record: Any) -> None:  # noqa: ANN401  # the pool's own types
    record.info[USED] = time.monotonic()


def _alive(connection: Any, record: Any, _proxy: Any) -> None:  # noqa: ANN401  # likewise
    """Look whether a connection still answers that has lain idle: of one just used, the next statement will tell."""
    if time.monotonic() - record.info.get(USED, time.monotonic()) < IDLE_SECONDS:
        return
    try:
        connection.execute("select 1")
        connection.rollback()
    except Exception:  # noqa: BLE001  # whatever it is, the connection is dead, and the pool makes another
        raise sa.exc.DisconnectionError from None


def _prepare(connection: Any, _record: Any) -> None:  # noqa: ANN401  # the driver's own types
    """Write-ahead, so that readers and one writer do not wait for each other; what is deleted is overwritten."""
    connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    _into_write_ahead(connection)
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("PRAGMA foreign_keys=ON")


def _into_write_ahead(connection: Any) -> None:  # noqa: ANN401  # the driver's own type
    """Changing the mode asks for the file alone and does not wait, so several processes that open a new one take turns."""
    for _ in range(BUSY_MILLISECONDS // 100):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except Exception as error:
            if "locked" not in str(error):
                raise
            time.sleep(0.1)
        else:
            return
