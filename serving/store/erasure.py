"""Erasures in the store: which are complete, which customers the store still names, and the deletion of their rows."""

import mmap
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from features.frames.columns import CUSTOMER
from features.storage.hashing import HashedIds
from serving.store.engine import autocommit
from serving.store.read import VALUES, in_values, read_frame, values_parameter
from serving.store.rights import may_vacuum
from serving.store.schema import LIST_ROWS, RUNS, WITHHELD, run_tables
from serving.store.withheld import Withheld

ERASURE_LOCK_ID = 0x65726173  # of the advisory lock that orders erasures and publications in PostgreSQL
CHECKPOINT_SECONDS, RETRY_SECONDS = 5.0, 0.1
ID_SCHEMA: dict[str, pl.DataType] = {CUSTOMER: pl.String()}


def lock_erasures(connection: sa.Connection, *, shared: bool) -> None:
    """Order an erasure and the publications, so that each sees the other's rows or its hash.

    Publishing transactions share the lock, and that which stores an erasure's hash holds it alone. SQLite has one writer at a
    time anyway: there the caller must have written before.
    """
    if connection.dialect.name == "postgresql":
        lock = sa.func.pg_advisory_xact_lock_shared if shared else sa.func.pg_advisory_xact_lock
        connection.execute(sa.select(lock(ERASURE_LOCK_ID)))


def erased_in(connection: sa.Connection, ids: pl.Series, identity: str) -> list[str]:
    """Return the ids whose erasure the store knows in this transaction; `identity` is the key of the hashes."""
    hashes = list(connection.scalars(sa.select(WITHHELD.c.customer_hash).where(WITHHELD.c.reason == Withheld.ERASED)))
    if not hashes:
        return []
    return ids.alias(CUSTOMER).to_frame().filter(HashedIds(identity, hashes).holds())[CUSTOMER].unique().to_list()


def pending_erasures(engine: sa.Engine) -> list[str]:
    """Return the hashes of erased customers whose rows are not known to be removed everywhere in the workspace."""
    query = sa.select(WITHHELD.c.customer_hash).where(WITHHELD.c.reason == Withheld.ERASED, WITHHELD.c.removed_at.is_(None))
    with autocommit(engine).connect() as connection:
        return list(connection.scalars(query))


def mark_removed(engine: sa.Engine, hashes: Sequence[str], now: datetime) -> None:
    """Record that no row of these erased customers is left."""
    with engine.begin() as connection:
        matches = in_values(connection.dialect.name, WITHHELD.c.customer_hash)
        update = WITHHELD.update().where(matches).values(removed_at=now)
        connection.execute(update, {VALUES: values_parameter(connection, hashes)})


def stored_ids(engine: sa.Engine, erased: HashedIds) -> list[str]:
    """Return the ids of erased customers that runs or issued lists still have."""
    with engine.connect() as connection:
        columns = [table.c.customer_id for table in existing_run_tables(connection)] + [LIST_ROWS.c.customer_id]
        frames = [read_frame(connection, sa.select(column).distinct(), ID_SCHEMA).filter(erased.holds()) for column in columns]
    return pl.concat(frames)[CUSTOMER].unique().to_list()


def existing_run_tables(connection: sa.Connection, run_ids: Sequence[int] | None = None) -> list[sa.Table]:
    """Return the tables that hold rows of customers, of these runs, or of all, published or not."""
    names = set(sa.inspect(connection).get_table_names())
    existing = connection.scalars(sa.select(RUNS.c.run_id)).all() if run_ids is None else run_ids
    tables = (table for run_id in existing for table in run_tables(run_id))
    return [table for table in tables if table.name in names]


def delete_from_runs(engine: sa.Engine, customer_ids: Sequence[str]) -> int:
    """Delete customers from all runs, and return the number of deleted scores."""
    if not customer_ids:
        return 0
    with engine.begin() as connection:
        return delete_customers(connection, existing_run_tables(connection), customer_ids)


def delete_customers(connection: sa.Connection, tables: Sequence[sa.Table], customer_ids: Sequence[str]) -> int:
    """Delete customers from tables of runs, within an open transaction, and return the number of deleted scores."""
    deleted, values = 0, {VALUES: values_parameter(connection, customer_ids)}
    for table in tables:
        matches = in_values(connection.dialect.name, table.c.customer_id)
        rows = connection.execute(table.delete().where(matches), values).rowcount
        deleted += rows if table.name.startswith("scores_") else 0
    return deleted


def discard_deleted_rows(engine: sa.Engine, customer_ids: Sequence[str] | None) -> bool:
    """Remove deleted rows from the database's files, and return whether that succeeded.

    PostgreSQL vacuums the tables, for which the role of the service lacks the right before version 17. SQLite overwrites deleted
    rows (`secure_delete`), and its write-ahead log is copied into the file and emptied, for which no reader may be in a
    transaction. Moved rows may leave a copy in the unused part of a page: if an id is still in the file, or the ids are unknown
    (None), the file is written anew.
    """
    if engine.dialect.name == "postgresql":
        return _vacuum(engine)
    if not _empty_write_ahead_log(engine):
        return False
    if customer_ids is not None and not _file_contains(Path(str(engine.url.database)), customer_ids):
        return True
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("vacuum")
    return _empty_write_ahead_log(engine)


def _file_contains(path: Path, texts: Sequence[str]) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(content.find(text.encode()) >= 0 for text in texts)


def _empty_write_ahead_log(engine: sa.Engine) -> bool:
    """Copy SQLite's write-ahead log into the file, waiting for readers for a while; return whether it is empty."""
    deadline = time.monotonic() + CHECKPOINT_SECONDS
    while not _checkpoint(engine):
        if time.monotonic() > deadline:
            return False
        time.sleep(RETRY_SECONDS)
    return True


def _checkpoint(engine: sa.Engine) -> bool:
    with engine.connect() as connection:
        busy, log_pages, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    return bool(busy == 0 and log_pages <= 0)


def _vacuum(engine: sa.Engine) -> bool:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        tables = [*existing_run_tables(connection), LIST_ROWS]
        if not may_vacuum(connection, [table.name for table in tables]):
            return False
        connection.exec_driver_sql("set statement_timeout = 0")
        for table in tables:
            connection.exec_driver_sql(f'vacuum "{table.name}"')
        connection.invalidate()
    return True
