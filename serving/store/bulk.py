"""Bulk inserts, by the fastest way of each database: COPY on PostgreSQL, `executemany` on SQLite.

Rows are written in chunks, so that other writers get their turn in between.
"""

import io
from typing import Any

import polars as pl
import sqlalchemy as sa

CHUNK_ROWS = 20_000


def write_rows(engine: sa.Engine, table: sa.Table, rows: pl.DataFrame) -> None:
    """Insert rows into a table whose columns have the frame's names.

    On SQLite each chunk is a transaction of its own; on PostgreSQL all chunks are one.
    """
    if engine.dialect.name == "postgresql":
        _copy(engine, table.name, rows)
    else:
        _insert(engine, table.name, rows)


def _copy(engine: sa.Engine, table: str, rows: pl.DataFrame) -> None:
    columns = ", ".join(f'"{name}"' for name in rows.columns)
    connection: Any = engine.raw_connection()
    try:
        with connection.cursor() as cursor:
            cursor.execute("set statement_timeout = 0")
            with cursor.copy(f'copy "{table}" ({columns}) from stdin (format csv)') as copy:
                for chunk in rows.iter_slices(CHUNK_ROWS):
                    copy.write(_csv(chunk))
        connection.commit()
    finally:
        connection.close()


def _csv(chunk: pl.DataFrame) -> bytes:
    """Return a chunk as CSV: PostgreSQL reads an unquoted empty field as null and a quoted one as empty text."""
    text = io.BytesIO()
    chunk.write_csv(text, include_header=False)
    return text.getvalue()


def _insert(engine: sa.Engine, table: str, rows: pl.DataFrame) -> None:
    """Insert through Python's own SQLite library.

    A second SQLite library in the process (ADBC's) would be a third faster, but unsafe: closing a file in one of them drops
    the locks of the other (sqlite.org/howtocorrupt.html, 2.2.1).
    """
    columns = ", ".join(f'"{name}"' for name in rows.columns)
    statement = f'insert into "{table}" ({columns}) values ({", ".join("?" * rows.width)})'  # noqa: S608  # our own names
    as_text = rows.with_columns(pl.col(pl.Date, pl.Datetime).cast(pl.String))
    connection: Any = engine.raw_connection()
    try:
        for chunk in as_text.iter_slices(CHUNK_ROWS):
            connection.cursor().executemany(statement, chunk.iter_rows())
            connection.commit()
    finally:
        connection.close()
