"""What must hold after every step, whatever came before it."""

import re
from datetime import timedelta
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from benchmarks.crashes.shop import HOLD_DAYS
from serving.schemas.iso_weeks import list_start
from serving.schemas.list_kind import ListKind
from serving.store.lists.issued import issued_lists
from serving.store.lists.precedence import effective_lists
from serving.store.schema import COMPLETE, LIST_ROWS, RUNS, WRITING, score_table

CUSTOMER_ID = re.compile(rb"cust-\d{5}-z")
MARKETING = (ListKind.AT_RISK, ListKind.WIN_BACK)
ROW_COLUMNS = ("list_id", "rank", "customer_id", "arm", "unit", "action")


def current_run_problem(engine: sa.Engine) -> str | None:
    """Return what is wrong with the runs: each complete one has all its rows."""
    with engine.connect() as connection:
        states = connection.execute(sa.select(RUNS.c.run_id, RUNS.c.rows, RUNS.c.state)).all()
        for run_id, rows, state in states:
            counted = None if state == WRITING else connection.scalar(sa.select(sa.func.count()).select_from(score_table(run_id)))
            if state == COMPLETE and counted is not None and counted > rows:
                return f"run {run_id} has {counted} rows instead of {rows}"
    return None


def read_list_rows(engine: sa.Engine) -> pl.DataFrame:
    """Return all rows of issued lists."""
    query = sa.select(*(LIST_ROWS.c[name] for name in ROW_COLUMNS)).order_by(LIST_ROWS.c.list_id, LIST_ROWS.c.rank)
    schema = {name: pl.Int64() if name == "rank" else pl.String() for name in ROW_COLUMNS}
    with engine.connect() as connection:
        return pl.DataFrame([tuple(row) for row in connection.execute(query)], schema=schema, orient="row")


def list_problem(engine: sa.Engine, rows: pl.DataFrame, before: pl.DataFrame) -> str | None:
    """Return what is wrong with issued lists: rows that changed other than by an erasure, and sums that differ."""
    counts = dict(rows.group_by("list_id").len().iter_rows())
    for issued in issued_lists(engine):
        if counts.get(issued.list_id, 0) != issued.rows:
            return f"{issued.list_id} has {counts.get(issued.list_id, 0)} rows instead of {issued.rows}"
    joined = before.join(rows, on=["list_id", "rank"], how="left", suffix=":now")
    same_customer = (pl.col("customer_id") == pl.col("customer_id:now")) | pl.col("customer_id:now").is_null()
    same_rest = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}:now")) for name in ("arm", "unit", "action"))
    changed = joined.filter(~(same_customer.fill_null(value=True) & same_rest))
    return f"{changed['list_id'][0]} changed" if changed.height else None


def control_problem(engine: sa.Engine, rows: pl.DataFrame) -> str | None:
    """Return a treated row of marketing whose unit a counting list of marketing holds out; None without one."""
    lists = [issued for issued in effective_lists(engine) if issued.kind in MARKETING]
    starts = pl.DataFrame(
        [(issued.list_id, list_start(issued.week, issued.data_as_of), issued.number) for issued in lists],
        schema={"list_id": pl.String, "start": pl.Date, "number": pl.Int64},
        orient="row",
    )
    counting = rows.join(starts, on="list_id").drop_nulls("unit")
    held, treated = counting.filter(arm="control"), counting.filter(arm="treated")
    pairs = held.join(treated, on="unit", suffix=":treated")
    within = pl.col("start:treated").is_between("start", pl.col("start") + timedelta(days=HOLD_DAYS), closed="left")
    violations = pairs.filter(within)
    return None if violations.is_empty() else f"{violations.row(0, named=True)} was treated although held out"


def erased_bytes(workspace: Path, erased: set[str]) -> str | None:
    """Return a file below the workspace that contains an erased id, in whatever form; None without one."""
    ids = {customer_id.encode() for customer_id in erased}
    for path in workspace.rglob("*"):
        if path.is_file() and ids & set(CUSTOMER_ID.findall(path.read_bytes())):
            return f"{path.name} holds an erased id"
    return None
