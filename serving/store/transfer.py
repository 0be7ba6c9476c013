"""Copy a whole store into a SQLite file and back, for backups: consistently, whichever database it is in."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from features.storage.durable import replace_durably
from features.storage.files import temporary_path
from serving.store.bulk import write_rows
from serving.store.engine import open_store
from serving.store.schema import METADATA, RUNS, run_tables
from settings.errors import UserError

CHUNK_ROWS = 20_000
SEQUENCES = (("scoring_runs", "run_id"), ("audit", "entry"))  # of PostgreSQL


class TransferError(UserError):
    """The file is no intact store, or the store to be written is in use."""


def dump_store(engine: sa.Engine, path: Path) -> None:
    """Write a copy of the store to a new SQLite file, as of one moment."""
    if engine.dialect.name == "sqlite":
        _copy_sqlite(Path(str(engine.url.database)), path)
        return
    target = open_store(f"sqlite:///{path}")
    try:
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            _copy_tables(connection, target)
    finally:
        target.dispose()


def load_store(path: Path, url: str) -> None:
    """Make the store at `url` a copy of a SQLite file; a file that is there is replaced in one step.

    Raises TransferError for a damaged file.
    """
    refuse_damaged(path)
    if url.startswith("sqlite:///"):
        database = Path(str(sa.make_url(url).database))
        with temporary_path(database) as temporary:
            _copy_sqlite(path, temporary)
            for suffix in ("-wal", "-shm"):  # of the file that is replaced
                database.with_name(database.name + suffix).unlink(missing_ok=True)
            replace_durably(temporary, database)
        return
    source, target = open_store(f"sqlite:///{path}"), open_store(url)
    try:
        with source.connect() as connection:
            _copy_tables(connection, target)
        _advance_sequences(target)
    finally:
        source.dispose()
        target.dispose()


def refuse_damaged(path: Path) -> None:
    """Raise TransferError unless a SQLite file is intact."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            result = connection.execute("pragma integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        result = str(error)
    if result != "ok":
        raise TransferError(f"The copy of the store in the backup is damaged: {result}. Use another backup.")


def _copy_sqlite(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as reading, closing(sqlite3.connect(target)) as writing:
        reading.backup(writing)


def _copy_tables(source: sa.Connection, target: sa.Engine) -> None:
    """Copy all rows, parents before children; tables of runs are created."""
    names = set(sa.inspect(source).get_table_names())
    run_ids = source.scalars(sa.select(RUNS.c.run_id)).all()
    of_runs = [table for run_id in run_ids for table in run_tables(run_id) if table.name in names]
    with target.begin() as connection:
        for table in of_runs:
            table.create(connection, checkfirst=True)
    for table in [*METADATA.sorted_tables, *of_runs]:
        for rows in source.execute(sa.select(table)).partitions(CHUNK_ROWS):
            _write(target, table, [dict(row._mapping) for row in rows])  # noqa: SLF001  # the documented name


def _write(target: sa.Engine, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    if table in METADATA.tables.values():
        with target.begin() as connection:
            connection.execute(table.insert(), rows)
        return
    write_rows(target, table, pl.DataFrame(rows, infer_schema_length=None))


def _advance_sequences(target: sa.Engine) -> None:
    """Let new rows continue after the copied ones."""
    with target.begin() as connection:
        for table, column in SEQUENCES:
            newest = sa.text(f"select coalesce(max({column}), 0) + 1 from {table}")  # noqa: S608  # our own names
            value = connection.scalar(newest)
            connection.execute(
                sa.text("select setval(pg_get_serial_sequence(:table, :column), :value, false)"),
                {
                    "table": table,
                    "column": column,
                    "value": value,
                },
            )
