"""Read scores: of customers by id, of a run by action, of one customer over time."""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError

from features.norms import Norms
from models.log_odds import Array
from serving.schemas.scores import SCORE_COLUMNS
from serving.store.engine import reading
from serving.store.ranks import unpacked_ranks
from serving.store.runs import Run, current_run, kept_runs
from serving.store.schema import ROW_COLUMNS, RUN_COLUMNS, RUNS, score_table

Result = TypeVar("Result")
VALUES = "values"
PART = 2_000
HISTORY = ("status", "lifecycle_stage", "loyalty_segment", "p_churn", "churn_band", "expected_value", "action", "reasons")


def find_rows(connection: sa.Connection, customer_ids: Sequence[str]) -> tuple[Run, list[tuple[Any, ...]]]:
    """Return the current run and its rows for those ids that it knows: ROW_COLUMNS, reasons as JSON text."""
    run = current_run(connection)
    wanted = _by_id(run.run_id, connection.dialect.name)
    return run, [tuple(row) for row in connection.execute(wanted, {VALUES: many(connection, customer_ids)})]


@lru_cache(maxsize=64)
def _by_id(run_id: int, dialect: str) -> sa.Select[Any]:
    """Built once per run: building a statement takes longer than it takes to find a row."""
    table = score_table(run_id)
    return sa.select(table).where(among(dialect, table.c.customer_id))


def find_scores(engine: sa.Engine, customer_ids: Sequence[str]) -> tuple[Run, dict[str, dict[str, Any]]]:
    """Return the current run and the score of each known id in it, with SCORE_COLUMNS."""
    run, rows = with_retry(engine, lambda connection: find_rows(connection, customer_ids))
    return run, {row[0]: _full(run, row) for row in rows}


def read_actions(engine: sa.Engine, actions: Sequence[str], columns: Sequence[str] = ROW_COLUMNS) -> tuple[Run, pl.DataFrame]:
    """Return the current run and its scores with one of these actions: `columns` of ROW_COLUMNS, and those of the run."""
    with engine.connect() as connection:
        run = current_run(connection)
        table = score_table(run.run_id)
        wanted = sa.select(*(table.c[name] for name in columns)).where(table.c.action.in_(actions))
        schema = {name: SCORE_COLUMNS[name] for name in columns}
        frame = read_frame(connection, wanted, schema)
    of_run = {name: pl.lit(getattr(run, name), SCORE_COLUMNS[name]) for name in RUN_COLUMNS}
    return run, frame.with_columns(**of_run).select(name for name in SCORE_COLUMNS if name in {*columns, *RUN_COLUMNS})


def read_parts(connection: sa.Connection, wanted: sa.Select[Any], schema: dict[str, pl.DataType]) -> Iterator[pl.DataFrame]:
    """Yield many rows as frames of a part each: rows of Python objects take many times the memory of a frame.

    The connection is in a transaction, which PostgreSQL's cursors need.
    """
    for rows in connection.execution_options(yield_per=PART).execute(wanted).partitions():
        yield _part(rows, schema)


def read_frame(connection: sa.Connection, wanted: sa.Select[Any], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """Return many rows as one frame, read part by part; an empty one of the schema where there are none."""
    return pl.concat([pl.DataFrame(schema=schema), *read_parts(connection, wanted, schema)])


def _part(rows: Sequence[sa.Row[Any]], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """Reasons are stored as JSON text."""
    stored = {name: pl.String() if name == "reasons" else dtype for name, dtype in schema.items()}
    part = pl.DataFrame([tuple(row) for row in rows], schema=stored, orient="row")
    return part.with_columns(pl.col("reasons").str.json_decode(schema["reasons"])) if "reasons" in schema else part


def actions_in(engine: sa.Engine) -> list[str]:
    """Return the actions that the current run chose for anybody."""

    def read(connection: sa.Connection) -> list[str]:
        table = score_table(current_run(connection).run_id)
        return list(connection.scalars(sa.select(table.c.action).distinct()))

    return with_retry(engine, read)


def score_history(engine: sa.Engine, customer_id: str) -> list[dict[str, Any]]:
    """Return what each kept run said of a customer, oldest first: the run's own columns and HISTORY."""

    def read(connection: sa.Connection) -> list[dict[str, Any]]:
        told = []
        for run in kept_runs(connection):
            table = score_table(run.run_id)
            wanted = sa.select(*(table.c[name] for name in HISTORY)).where(table.c.customer_id == customer_id)
            row = connection.execute(wanted).one_or_none()
            if row is not None:
                said = dict(zip(HISTORY, row, strict=True))
                told.append(_about(run) | said | {"reasons": _reasons(said["reasons"])})
        return told

    return with_retry(engine, read)


def run_context(engine: sa.Engine, run_id: int) -> tuple[Norms | None, Array]:
    """Return the norms a run was scored with, and the p_churn of its existing customers in order."""
    wanted = sa.select(RUNS.c.norms, RUNS.c.churn_ranks).where(RUNS.c.run_id == run_id)
    with reading(engine).connect() as connection:
        row = connection.execute(wanted).one()
    return (None if row.norms is None else Norms.from_json(json.loads(row.norms))), unpacked_ranks(row.churn_ranks)


def among(dialect: str, column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether a column has one of the values in the one parameter VALUES: the statement is the same however many there are."""
    if dialect == "postgresql":
        return column == sa.any_(sa.bindparam(VALUES, type_=ARRAY(sa.Text)))
    listed = sa.func.json_each(sa.bindparam(VALUES, type_=sa.Text)).table_valued("value")
    return column.in_(sa.select(listed.c.value))


def many(connection: sa.Connection, values: Sequence[str]) -> list[str] | str:
    """Return values as `among` takes them."""
    return list(values) if connection.dialect.name == "postgresql" else json.dumps(list(values))


def with_retry(engine: sa.Engine, read: Callable[[sa.Connection], Result]) -> Result:
    """Read on a connection, and once more if the run that was current went away meanwhile, or the connection did."""
    try:
        return _read(engine, read)
    except DBAPIError as error:
        if not error.connection_invalidated and "scores_" not in str(error.orig):
            raise
        return _read(engine, read)


def _read(engine: sa.Engine, read: Callable[[sa.Connection], Result]) -> Result:
    with reading(engine).connect() as connection:
        return read(connection)


def _about(run: Run) -> dict[str, Any]:
    return {name: getattr(run, name) for name in RUN_COLUMNS}


def _full(run: Run, row: tuple[Any, ...]) -> dict[str, Any]:
    known = dict(zip(ROW_COLUMNS, row, strict=True)) | _about(run)
    known["reasons"] = _reasons(known["reasons"])
    return {name: known[name] for name in SCORE_COLUMNS}


def _reasons(text: str | None) -> Any:  # noqa: ANN401  # a list of reasons, as JSON
    return json.loads(text) if text else None
