"""Read all rows of a run by customer id, in chunks, or only those that differ from an earlier kept run."""

from collections.abc import Iterator, Sequence
from datetime import date

import polars as pl
import sqlalchemy as sa

from features.frames.columns import CUSTOMER
from serving.schemas.scores import SCORE_COLUMNS
from serving.store.engine import autocommit
from serving.store.read import with_retry
from serving.store.runs import NEWEST_FIRST, RUN_FIELDS, Run
from serving.store.schema import COMPLETE, ROW_COLUMNS, RUNS, WITHHELD, score_table

CHUNK_ROWS = 5_000
STORED_TYPES: dict[str, pl.DataType] = {name: pl.String() if name == "reasons" else SCORE_COLUMNS[name] for name in ROW_COLUMNS}


def find_run(engine: sa.Engine, run_id: int) -> Run | None:
    """Return a kept run; None if there is none with this id, or it was withdrawn."""
    with autocommit(engine).connect() as connection:
        row = connection.execute(sa.select(*RUN_FIELDS).where(RUNS.c.run_id == run_id, RUNS.c.state == COMPLETE)).one_or_none()
    return None if row is None else Run(*row)


def find_run_of_day(engine: sa.Engine, day: date) -> Run | None:
    """Return the newest kept run with an as-of date on or before a day; None if there is none."""
    query = sa.select(*RUN_FIELDS).where(RUNS.c.as_of <= day, RUNS.c.state == COMPLETE).order_by(*NEWEST_FIRST).limit(1)
    with autocommit(engine).connect() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else Run(*row)


def iter_run_rows(engine: sa.Engine, run_id: int, columns: Sequence[str], after: str = "") -> Iterator[pl.DataFrame]:
    """Yield frames of at most CHUNK_ROWS rows above the id `after`, by customer id; reasons stay JSON text.

    Each frame is a short query of its own, so a slow reader keeps neither a connection nor a transaction open.
    """
    while True:
        frame = _read_rows(engine, run_id, columns, after)
        if frame.is_empty():
            return
        yield frame
        if frame.height < CHUNK_ROWS:
            return
        after = str(frame[CUSTOMER][-1])


def changed_rows(engine: sa.Engine, rows: pl.DataFrame, earlier_run_id: int, after: str) -> pl.DataFrame:
    """Return the rows of a frame of `iter_run_rows` that the earlier run does not have, or has with other values in any column.

    `after` is the id after which the frame begins.
    """
    last = str(rows[CUSTOMER][-1])
    earlier = _read_rows(engine, earlier_run_id, rows.columns, after, last)
    return rows.join(earlier, on=rows.columns, how="anti", nulls_equal=True, maintain_order="left")


def withheld_state(engine: sa.Engine) -> str:
    """Return a text that changes with every objection, erasure or withdrawal of one."""
    with autocommit(engine).connect() as connection:
        count, newest = connection.execute(sa.select(sa.func.count(), sa.func.max(WITHHELD.c.since))).one()
    return f"{count} {newest}"


def _read_rows(engine: sa.Engine, run_id: int, columns: Sequence[str], after: str, last: str | None = None) -> pl.DataFrame:
    table = score_table(run_id)
    query = sa.select(*(table.c[name] for name in columns)).where(table.c.customer_id > after).order_by(table.c.customer_id)
    query = query.limit(CHUNK_ROWS) if last is None else query.where(table.c.customer_id <= last)

    rows = with_retry(engine, lambda connection: [tuple(row) for row in connection.execute(query)])
    return pl.DataFrame(rows, schema={name: STORED_TYPES[name] for name in columns}, orient="row")
