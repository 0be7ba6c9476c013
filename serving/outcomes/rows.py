"""Every issued row with what came of it: orders, spend, and what its treatments cost within the window."""

from datetime import date

import polars as pl
import sqlalchemy as sa

from features.frames.columns import CUSTOMER
from features.labels import labels
from serving.schemas.iso_weeks import acted_on
from serving.store.issued import counting_lists
from serving.store.read import read_parts
from serving.store.schema import LIST_ROWS, LISTS, OUTCOME

ROW: dict[str, pl.DataType] = {
    "list_id": pl.String(),
    "rank": pl.Int64(),
    CUSTOMER: pl.String(),
    "arm": pl.String(),
    "held_by": pl.String(),
    "action": pl.String(),
    "loyalty_segment": pl.String(),
    "p_churn": pl.Float64(),
    "expected_value": pl.Float64(),
    "expected_gain": pl.Float64(),
    "propensity": pl.Float64(),
    "global_share": pl.Float64(),
    "action_cost": pl.Float64(),
    "outcome_orders": pl.Int64(),
    "outcome_spend": pl.Float64(),
    "outcome_until": pl.Date(),
}
FOUND = {"start": pl.Date, "horizon_days": pl.Int64, CUSTOMER: pl.String, "next_orders": pl.Int64, "next_spend": pl.Float64}
OF_LIST = {"number": pl.Int64(), "kind": pl.String(), "week": pl.String(), "start": pl.Date(), "horizon_days": pl.Int64()}


def issued_rows(engine: sa.Engine) -> pl.DataFrame:
    """Return ROW and OF_LIST of every row of every issued list; `start` is the day from which on it was acted on.

    Of several lists of one kind and week one counts (`counting_lists`); rows of the others are `superseded`. Rows of before
    there were propensities are left out: nothing can be learned from them.
    """
    wanted_of = sa.select(LISTS.c.list_id, LISTS.c.number, LISTS.c.kind, LISTS.c.week, LISTS.c.data_as_of, LISTS.c.horizon_days)
    parts = [pl.DataFrame(schema=ROW | OF_LIST)]
    with engine.connect() as connection:
        for one in connection.execute(wanted_of.order_by(LISTS.c.week, LISTS.c.number)).all():
            wanted = sa.select(*(LIST_ROWS.c[name] for name in ROW)).where(
                LIST_ROWS.c.list_id == one.list_id, LIST_ROWS.c.propensity.is_not(None)
            )
            about = {
                "number": pl.lit(one.number, pl.Int64),
                "kind": pl.lit(one.kind),
                "week": pl.lit(one.week),
                "start": pl.lit(acted_on(one.week, one.data_as_of)),
                "horizon_days": pl.lit(one.horizon_days, pl.Int64),
            }
            parts += [part.with_columns(**about) for part in read_parts(connection, wanted, ROW)]
    counting = [each.list_id for each in counting_lists(engine)]
    return pl.concat(parts).with_columns(
        pl.coalesce(CUSTOMER, pl.format("{} {}", "list_id", "rank")).alias("who"),
        (~pl.col("list_id").is_in(counting)).alias("superseded"),
    )


def with_outcomes(rows: pl.DataFrame, transactions: pl.LazyFrame, until: date, margin: float) -> pl.DataFrame:
    """Add orders, spend and profit in [start, start + horizon_days), so far as known before `until`; and `closed`.

    Profit is margin x net spend, less what all of the customer's treatments in the window cost: a treated one may be treated
    again. Lists that do not count were not acted on, and cost nobody else anything. Of a customer who was erased, what was kept
    then counts.
    """
    parts = [pl.DataFrame(schema=FOUND)]
    for start, horizon in rows.select("start", "horizon_days").unique(maintain_order=True).iter_rows():
        days = min(horizon, (until - start).days)
        if days > 0:
            found = labels(transactions, start, days).collect(engine="streaming")
            window = pl.lit(start).alias("start"), pl.lit(horizon, pl.Int64).alias("horizon_days")
            parts.append(found.select(*window, CUSTOMER, "next_orders", "next_spend"))
    seen = rows.join(pl.concat(parts), on=["start", "horizon_days", CUSTOMER], how="left", maintain_order="left")
    told = seen.with_columns(
        pl.coalesce(pl.when(pl.col(CUSTOMER).is_null()).then("outcome_orders"), "next_orders", 0).alias("orders"),
        pl.coalesce(pl.when(pl.col(CUSTOMER).is_null()).then("outcome_spend"), "next_spend", 0.0).alias("spend"),
        (pl.col("start") + pl.duration(days="horizon_days") <= until).alias("closed"),
    ).drop(*OUTCOME, "next_orders", "next_spend")
    return _with_costs(told, until).with_columns((margin * pl.col("spend") - pl.col("cost")).alias("profit"))


def _with_costs(rows: pl.DataFrame, until: date) -> pl.DataFrame:
    """What a customer's treatments cost from the row's start to the end of its window."""
    paid = rows.filter(pl.col("arm") == "treated", ~pl.col("superseded")).select(
        "who", pl.col("start").alias("paid_on"), pl.col("action_cost").alias("paid")
    )
    pairs = rows.select("list_id", "who", "start", "horizon_days").join(paid, on="who", how="inner")
    day, start = pl.col("paid_on"), pl.col("start")
    in_window = (day >= start) & (day < start + pl.duration(days="horizon_days"))
    within = pairs.filter(in_window & (day > start) & (day < until))
    later = within.group_by("list_id", "who").agg(pl.col("paid").sum().alias("later"))
    own = pl.when(pl.col("arm") == "treated").then("action_cost").otherwise(0.0)
    told = rows.join(later, on=["list_id", "who"], how="left", maintain_order="left")
    return told.with_columns((own + pl.col("later").fill_null(0.0)).alias("cost")).drop("later")


def enrolments(rows: pl.DataFrame) -> pl.DataFrame:
    """Return each customer's first row, and each further one that comes after the window of the one before has ended.

    A row within the window of an earlier one is part of what came of that one, and would count its effect twice.
    """
    ordered = rows.sort("who", "start", "kind", maintain_order=True)
    firsts, left = [], ordered
    while left.height:
        first = left.unique("who", keep="first", maintain_order=True)
        firsts.append(first)
        ends = first.select("who", (pl.col("start") + pl.duration(days="horizon_days")).alias("ended"))
        left = (
            left.join(ends, on="who", how="inner", maintain_order="left").filter(pl.col("start") >= pl.col("ended")).drop("ended")
        )
    return pl.concat(firsts) if firsts else ordered
