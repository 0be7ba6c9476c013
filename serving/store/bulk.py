"""Write many rows the quick way of each database: COPY to PostgreSQL, one statement many times to SQLite.

Other writers come between the parts.
"""

import io
from typing import Any

import polars as pl
import sqlalchemy as sa

ROWS = 20_000


def write_rows(engine: sa.Engine, table: sa.Table, rows: pl.DataFrame) -> None:
    """Add rows to a table whose columns have the frame's names, part by part, each in a transaction of its own."""
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
            with cursor.copy(f'copy "{table}" ({columns}) from stdin (format csv)') as copying:
                for part in rows.iter_slices(ROWS):
                    copying.write(_csv(part))
        connection.commit()
    finally:
        connection.close()


def _csv(part: pl.DataFrame) -> bytes:
    """Nulls are empty, empty texts are quoted: so does PostgreSQL tell them apart."""
    text = io.BytesIO()
    part.write_csv(text, include_header=False)
    return text.getvalue()


def _insert(engine: sa.Engine, table: str, rows: pl.DataFrame) -> None:
    """Write through Python's own SQLite.

    A second SQLite in the process (ADBC's) would be a third quicker, and unsafe: closing a file in one of them drops the locks
    of the other (sqlite.org/howtocorrupt.html, 2.2.1).
    """
    columns = ", ".join(f'"{name}"' for name in rows.columns)
    statement = f'insert into "{table}" ({columns}) values ({", ".join("?" * rows.width)})'  # noqa: S608  # our own names
    dated = rows.with_columns(pl.col(pl.Date, pl.Datetime).cast(pl.String))
    connection: Any = engine.raw_connection()
    try:
        for part in dated.iter_slices(ROWS):
            connection.cursor().executemany(statement, part.iter_rows())
            connection.commit()
    finally:
        connection.close()
