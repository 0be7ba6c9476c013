"""Read scores: of customers by id, of a run by action, and of one customer over time."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError

from features.frames.arrays import Array
from features.norms import Norms
from serving.schemas.scores import SCORE_COLUMNS
from serving.store.engine import autocommit
from serving.store.ranks import unpack_ranks
from serving.store.runs import Run, current_run, kept_runs
from serving.store.schema import ROW_COLUMNS, RUN_COLUMNS, RUNS, score_table

Result = TypeVar("Result")
VALUES = "values"
CHUNK_ROWS = 2_000
UNDEFINED_TABLE = "42P01"  # SQLSTATE of PostgreSQL
HISTORY_COLUMNS = ("status", "lifecycle_stage", "loyalty_segment", "p_churn", "churn_band", "expected_value", "action", "reasons")


def find_rows(connection: sa.Connection, customer_ids: Sequence[str]) -> tuple[Run, list[tuple[Any, ...]]]:
    """Return the current run and its rows for the ids that it has: ROW_COLUMNS, with reasons as JSON text."""
    run = current_run(connection)
    query = _rows_by_id(run.run_id, connection.dialect.name)
    return run, [tuple(row) for row in connection.execute(query, {VALUES: values_parameter(connection, customer_ids)})]


@lru_cache(maxsize=64)
def _rows_by_id(run_id: int, dialect: str) -> sa.Select[Any]:
    """Build the query once per run, because building it takes longer than finding a row."""
    table = score_table(run_id)
    return sa.select(table).where(in_values(dialect, table.c.customer_id))


def find_scores(engine: sa.Engine, customer_ids: Sequence[str]) -> tuple[Run, dict[str, dict[str, Any]]]:
    """Return the current run, and by customer id the scores (SCORE_COLUMNS) of those ids that it has."""
    run, rows = with_retry(engine, lambda connection: find_rows(connection, customer_ids))
    return run, {row[0]: _score_dict(run, row) for row in rows}


def read_scores_by_action(
    engine: sa.Engine, actions: Sequence[str], columns: Sequence[str] = ROW_COLUMNS
) -> tuple[Run, pl.DataFrame]:
    """Return the current run and its scores with one of these actions.

    `columns` are those of ROW_COLUMNS to read; RUN_COLUMNS are always added.
    """
    with engine.connect() as connection:
        run = current_run(connection)
        table = score_table(run.run_id)
        query = sa.select(*(table.c[name] for name in columns)).where(table.c.action.in_(actions))
        schema = {name: SCORE_COLUMNS[name] for name in columns}
        frame = read_frame(connection, query, schema)
    run_columns = {name: pl.lit(getattr(run, name), SCORE_COLUMNS[name]) for name in RUN_COLUMNS}
    return run, frame.with_columns(**run_columns).select(name for name in SCORE_COLUMNS if name in {*columns, *RUN_COLUMNS})


def iter_frames(connection: sa.Connection, query: sa.Select[Any], schema: dict[str, pl.DataType]) -> Iterator[pl.DataFrame]:
    """Yield the rows of a query as frames of CHUNK_ROWS each, because rows of Python objects take far more memory.

    The connection must be in a transaction, which PostgreSQL's cursors need.
    """
    for rows in connection.execution_options(yield_per=CHUNK_ROWS).execute(query).partitions():
        yield _chunk_frame(rows, schema)


def read_frame(connection: sa.Connection, query: sa.Select[Any], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """Return the rows of a query as one frame of the schema, read in chunks; it may be empty."""
    return pl.concat([pl.DataFrame(schema=schema), *iter_frames(connection, query, schema)])


def _chunk_frame(rows: Sequence[sa.Row[Any]], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """Return rows as a frame; reasons are stored as JSON text."""
    stored_schema = {name: pl.String() if name == "reasons" else dtype for name, dtype in schema.items()}
    frame = pl.DataFrame([tuple(row) for row in rows], schema=stored_schema, orient="row")
    return frame.with_columns(pl.col("reasons").str.json_decode(schema["reasons"])) if "reasons" in schema else frame


def current_actions(engine: sa.Engine) -> list[str]:
    """Return the distinct actions of the current run."""

    def read(connection: sa.Connection) -> list[str]:
        table = score_table(current_run(connection).run_id)
        return list(connection.scalars(sa.select(table.c.action).distinct()))

    return with_retry(engine, read)


def score_history(engine: sa.Engine, customer_id: str) -> list[dict[str, Any]]:
    """Return a customer's score in each kept run, oldest first: RUN_COLUMNS and HISTORY_COLUMNS."""

    def read(connection: sa.Connection) -> list[dict[str, Any]]:
        history = []
        for run in kept_runs(connection):
            table = score_table(run.run_id)
            query = sa.select(*(table.c[name] for name in HISTORY_COLUMNS)).where(table.c.customer_id == customer_id)
            row = connection.execute(query).one_or_none()
            if row is not None:
                score = dict(zip(HISTORY_COLUMNS, row, strict=True))
                history.append(_run_columns(run) | score | {"reasons": _reasons(score["reasons"])})
        return history

    return with_retry(engine, read)


def read_run_context(engine: sa.Engine, run_id: int) -> tuple[Norms | None, Array]:
    """Return the norms that a run was scored with, and the sorted p_churn of its existing customers."""
    query = sa.select(RUNS.c.norms, RUNS.c.churn_ranks).where(RUNS.c.run_id == run_id)
    with autocommit(engine).connect() as connection:
        row = connection.execute(query).one()
    return (None if row.norms is None else Norms.from_json(json.loads(row.norms))), unpack_ranks(row.churn_ranks)


def in_values(dialect: str, column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Return the condition that a column has one of the values in the parameter VALUES.

    The values are one parameter, so the statement is the same for any number of them.
    """
    if dialect == "postgresql":
        return column == sa.any_(sa.bindparam(VALUES, type_=ARRAY(sa.Text)))
    json_values = sa.func.json_each(sa.bindparam(VALUES, type_=sa.Text)).table_valued("value")
    return column.in_(sa.select(json_values.c.value))


def values_parameter(connection: sa.Connection, values: Sequence[str]) -> list[str] | str:
    """Return values as the parameter VALUES of `in_values`: an array on PostgreSQL, JSON text on SQLite."""
    return list(values) if connection.dialect.name == "postgresql" else json.dumps(list(values))


def with_retry(engine: sa.Engine, read: Callable[[sa.Connection], Result]) -> Result:
    """Read on a connection; retry once if the connection was lost or the run's table was dropped in the meantime."""
    try:
        return _read(engine, read)
    except DBAPIError as error:
        if not error.connection_invalidated and not _table_is_missing(error):
            raise
        return _read(engine, read)


def _table_is_missing(error: DBAPIError) -> bool:
    """Whether a table of the query does not exist. SQLite has only its generic SQL error for that."""
    if isinstance(error.orig, sqlite3.OperationalError):
        return error.orig.sqlite_errorcode == sqlite3.SQLITE_ERROR
    return getattr(error.orig, "sqlstate", None) == UNDEFINED_TABLE


def _read(engine: sa.Engine, read: Callable[[sa.Connection], Result]) -> Result:
    with autocommit(engine).connect() as connection:
        return read(connection)


def _run_columns(run: Run) -> dict[str, Any]:
    return {name: getattr(run, name) for name in RUN_COLUMNS}


def _score_dict(run: Run, row: tuple[Any, ...]) -> dict[str, Any]:
    values = dict(zip(ROW_COLUMNS, row, strict=True)) | _run_columns(run)
    values["reasons"] = _reasons(values["reasons"])
    return {name: values[name] for name in SCORE_COLUMNS}


def _reasons(text: str | None) -> Any:  # noqa: ANN401  # a list of reasons, as JSON
    return json.loads(text) if text else None
