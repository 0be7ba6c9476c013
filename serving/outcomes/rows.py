"""Every issued row with its outcome: orders, spend, and what the customer's treatments cost within the window."""

from datetime import date

import polars as pl
import sqlalchemy as sa

from features.frames.columns import CUSTOMER
from features.labels import labels
from serving.schemas.iso_weeks import list_start
from serving.store.issued import effective_lists, issued_lists
from serving.store.list_rows import OUTCOME_COLUMNS, outcome_rows
from serving.store.schema import OUTCOME

LIST_COLUMNS: dict[str, pl.DataType] = {
    "number": pl.Int64(),
    "kind": pl.String(),
    "week": pl.String(),
    "start": pl.Date(),
    "horizon_days": pl.Int64(),
}
ORDER_COLUMNS: dict[str, pl.DataType] = {
    "start": pl.Date(),
    "horizon_days": pl.Int64(),
    CUSTOMER: pl.String(),
    "next_orders": pl.Int64(),
    "next_spend": pl.Float64(),
}


def issued_rows(engine: sa.Engine) -> pl.DataFrame:
    """Return OUTCOME_COLUMNS and LIST_COLUMNS of the rows of all issued lists, with `who` and `superseded`.

    `start` is the day from which the list was acted on. `who` is the customer, or the list and rank of one who was erased. Of
    several lists of a kind and week the effective one counts (`effective_lists`); rows of the others are `superseded`. Rows
    without a propensity, from old versions, are left out: no effect can be measured on them.
    """
    lists = sorted(issued_lists(engine), key=lambda issued: (issued.week, issued.number))
    frames = [pl.DataFrame(schema=OUTCOME_COLUMNS | LIST_COLUMNS)]
    for issued, rows in zip(lists, outcome_rows(engine, [issued.list_id for issued in lists]), strict=True):
        list_columns = {
            "number": pl.lit(issued.number, pl.Int64),
            "kind": pl.lit(issued.kind),
            "week": pl.lit(issued.week),
            "start": pl.lit(list_start(issued.week, issued.data_as_of)),
            "horizon_days": pl.lit(issued.horizon_days, pl.Int64),
        }
        frames.append(rows.with_columns(**list_columns))
    effective = [issued.list_id for issued in effective_lists(engine)]
    return pl.concat(frames).with_columns(
        pl.coalesce(CUSTOMER, pl.format("{} {}", "list_id", "rank")).alias("who"),
        (~pl.col("list_id").is_in(effective)).alias("superseded"),
    )


def with_outcomes(rows: pl.DataFrame, transactions: pl.LazyFrame, until: date, margin: float) -> pl.DataFrame:
    """Add orders, spend, cost and profit in [start, start + horizon_days), as far as known before `until`; and `closed`.

    Profit is margin x net spend, minus the cost of all of the customer's treatments in the window, since a later list may treat
    the customer again. Superseded lists were not acted on, and add no cost to other rows. For an erased customer the outcome
    stored at the erasure counts. `closed` says whether the window has ended.
    """
    frames = [pl.DataFrame(schema=ORDER_COLUMNS)]
    for start, horizon in rows.select("start", "horizon_days").unique(maintain_order=True).iter_rows():
        days = min(horizon, (until - start).days)
        if days > 0:
            orders = labels(transactions, start, days).collect(engine="streaming")
            window = pl.lit(start).alias("start"), pl.lit(horizon, pl.Int64).alias("horizon_days")
            frames.append(orders.select(*window, CUSTOMER, "next_orders", "next_spend"))
    joined = rows.join(pl.concat(frames), on=["start", "horizon_days", CUSTOMER], how="left", maintain_order="left")
    is_erased = pl.col(CUSTOMER).is_null()
    outcomes = joined.with_columns(
        pl.coalesce(pl.when(is_erased).then("outcome_orders"), "next_orders", 0).alias("orders"),
        pl.coalesce(pl.when(is_erased).then("outcome_spend"), "next_spend", 0.0).alias("spend"),
        (pl.col("start") + pl.duration(days="horizon_days") <= until).alias("closed"),
    ).drop(*OUTCOME, "next_orders", "next_spend")
    return _with_costs(outcomes, until).with_columns((margin * pl.col("spend") - pl.col("cost")).alias("profit"))


def _with_costs(rows: pl.DataFrame, until: date) -> pl.DataFrame:
    """Add the cost of a customer's treatments from the row's start to the end of its window."""
    treatments = rows.filter(pl.col("arm") == "treated", ~pl.col("superseded")).select(
        "who", pl.col("start").alias("treated_on"), pl.col("action_cost").alias("treatment_cost")
    )
    pairs = rows.select("list_id", "who", "start", "horizon_days").join(treatments, on="who", how="inner")
    day, start = pl.col("treated_on"), pl.col("start")
    in_window = (day > start) & (day < start + pl.duration(days="horizon_days")) & (day < until)
    later = pairs.filter(in_window).group_by("list_id", "who").agg(pl.col("treatment_cost").sum().alias("later_cost"))
    own_cost = pl.when(pl.col("arm") == "treated").then("action_cost").otherwise(0.0)
    joined = rows.join(later, on=["list_id", "who"], how="left", maintain_order="left")
    return joined.with_columns((own_cost + pl.col("later_cost").fill_null(0.0)).alias("cost")).drop("later_cost")


def enrolments(rows: pl.DataFrame) -> pl.DataFrame:
    """Return each customer's first row, and every later row that starts when the window of the kept row before it has ended.

    A row within an earlier window is part of the outcome of that window; counting both would count one effect twice.
    """
    ordered = rows.sort("who", "start", "kind", maintain_order=True)
    kept, left = [], ordered
    while left.height:
        first = left.unique("who", keep="first", maintain_order=True)
        kept.append(first)
        ends = first.select("who", (pl.col("start") + pl.duration(days="horizon_days")).alias("end"))
        left = left.join(ends, on="who", how="inner", maintain_order="left").filter(pl.col("start") >= pl.col("end")).drop("end")
    return pl.concat(kept) if kept else ordered
