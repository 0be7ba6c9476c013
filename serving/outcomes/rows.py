"""Every issued row with its outcome: orders, spend, and what the treatments of the household cost within the window."""

from datetime import date

import polars as pl
import sqlalchemy as sa

from features.frames.columns import CUSTOMER
from features.frames.components import component_numbers
from features.labels import labels
from features.point_in_time import known_before
from features.tables.schema import Tables
from serving.schemas.iso_weeks import list_start
from serving.store.lists.issued import issued_lists
from serving.store.lists.precedence import acted_on_lists
from serving.store.lists.rows import OUTCOME_COLUMNS, outcome_rows
from serving.store.schema import OUTCOME
from serving.targeting.units import GROUP, LINK, LINKS, NO_UNITS, UNIT, match_units

ROW = ("list_id", "rank")
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
    "who": pl.String(),
    "next_orders": pl.Int64(),
    "next_spend": pl.Float64(),
}
TYPICAL_COLUMNS: dict[str, pl.DataType] = {
    "start": pl.Date(),
    "horizon_days": pl.Int64(),
    "typical_orders": pl.Float64(),
    "typical_spend": pl.Float64(),
}


def issued_rows(engine: sa.Engine, units: pl.DataFrame = NO_UNITS) -> pl.DataFrame:
    """Return OUTCOME_COLUMNS and LIST_COLUMNS of the rows of all issued lists, with `who` and `superseded`.

    `start` is the day from which the list was acted on. `who` is what was randomised (`_with_who`). `units` has UNIT_COLUMNS of
    the present households: rows of earlier Holdfasts, which name no unit, count for the household of their customer. Of several
    lists of a kind and week the effective one counts, and for those whom only others have, a replaced one that was acted
    on (`acted_on_lists`); all other rows are `superseded`. Rows
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
    order = [issued.list_id for issued in acted_on_lists(engine)]
    return _with_who(pl.concat(frames), units).with_columns(_is_superseded(order).alias("superseded"))


def _is_superseded(order: list[str]) -> pl.Expr:
    """Return whether a row does not count: each unit counts in the first list of `order` of a kind and week that has it."""
    position = pl.col("list_id").replace_strict(order, range(len(order)), default=None, return_dtype=pl.Int64)
    subject = pl.coalesce(UNIT, CUSTOMER, pl.format("{} {}", "list_id", "rank"))
    return position.is_null() | (position > position.min().over("kind", "week", subject))


def _with_who(rows: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
    """Add `who`: equal for all rows of one household, over all weeks and changes of its members.

    Rows belong together if they name the same customer or the same unit, or customers who are in one unit now, through any
    chain of these. `who` is the first of their units; without a unit the customer, or the list and rank of one who was erased.
    """
    subjects = rows.with_columns(pl.coalesce(CUSTOMER, pl.format("{} {}", "list_id", "rank")).alias("subject"))
    now = units.select(pl.col(CUSTOMER).alias("subject"), pl.col(LINKS).str.split(" ").alias(UNIT)).explode(UNIT)
    edges = pl.concat([subjects.select("subject", UNIT).drop_nulls(), now]).unique()
    grouped = edges.with_columns(component_numbers(edges)).with_columns(pl.col(UNIT).min().over("component").alias("who"))
    joined = subjects.join(grouped.select("subject", "who").unique(), on="subject", how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce("who", "subject").alias("who")).drop("subject")


def unit_members(rows: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
    """Return customer_id and `who` of all customers whose orders count for issued rows: those listed, and their households.

    The household is the present one: of that on the day of the list, only hashes are kept.
    """
    links = units.select(pl.col(UNIT).alias(GROUP), pl.col(LINKS).str.split(" ").alias(LINK)).explode(LINK).unique()
    present = match_units(rows.select(CUSTOMER, UNIT, "who"), units, links).select(pl.col(GROUP).alias(UNIT), "who")
    of_units = units.select(CUSTOMER, UNIT).join(present.drop_nulls().unique(UNIT, keep="any"), on=UNIT)
    listed = rows.select(CUSTOMER, "who").drop_nulls()
    return pl.concat([of_units.select(CUSTOMER, "who"), listed]).unique(CUSTOMER, keep="any")


def with_outcomes(
    rows: pl.DataFrame, transactions: pl.LazyFrame, until: date, margin: float, members: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Add orders, spend, cost and profit in [start, start + horizon_days), as far as known before `until`; and `closed`.

    Orders that were returned whole by then, and earlier versions of orders, do not count.

    All of them are those of the household, since all of it is treated or held out: `members` has customer_id and `who`
    (`unit_members`); None: only the listed customers are known. Profit is margin x net spend, minus the cost of all treatments
    of the household in the window, since a later list may treat it again. Superseded lists were not acted on, and add no cost
    to other rows. For an erased customer the outcome stored at the erasure counts. `closed` says whether the window has ended.
    `typical_orders` and `typical_margin` are means over all customers of the shop who ordered in the window; null without one.
    """
    members = unit_members(rows, NO_UNITS) if members is None else members
    known = known_before(Tables(transactions), until).transactions
    frames, typical = [pl.DataFrame(schema=ORDER_COLUMNS)], [pl.DataFrame(schema=TYPICAL_COLUMNS)]
    for start, horizon in rows.select("start", "horizon_days").unique(maintain_order=True).iter_rows():
        days = min(horizon, (until - start).days)
        if days > 0:
            orders = labels(known, start, days).collect(engine="streaming")
            window = pl.lit(start).alias("start"), pl.lit(horizon, pl.Int64).alias("horizon_days")
            of_units = orders.join(members, on=CUSTOMER).group_by("who").agg(pl.col("next_orders", "next_spend").sum())
            frames.append(of_units.with_columns(*window).select(pl.col(name).cast(t) for name, t in ORDER_COLUMNS.items()))
            typical.append(
                _typical_buyer(orders).with_columns(*window).select(pl.col(name).cast(t) for name, t in TYPICAL_COLUMNS.items())
            )
    joined = rows.join(pl.concat(frames), on=["start", "horizon_days", "who"], how="left", maintain_order="left").join(
        pl.concat(typical), on=["start", "horizon_days"], how="left", maintain_order="left"
    )
    is_erased = pl.col(CUSTOMER).is_null()
    outcomes = joined.with_columns(
        pl.sum_horizontal("next_orders", pl.when(is_erased).then("outcome_orders")).alias("orders"),
        pl.sum_horizontal("next_spend", pl.when(is_erased).then("outcome_spend")).alias("spend"),
        (pl.col("start") + pl.duration(days="horizon_days") <= until).alias("closed"),
        (margin * pl.col("typical_spend")).alias("typical_margin"),
        (margin * pl.sum_horizontal("next_spend", pl.when(is_erased).then("outcome_spend"))).alias("earned"),
    ).drop(*OUTCOME, "next_orders", "next_spend", "typical_spend")
    return _with_costs(outcomes, until).with_columns((margin * pl.col("spend") - pl.col("cost")).alias("profit"))


def _typical_buyer(orders: pl.DataFrame) -> pl.DataFrame:
    """Return the mean orders and spend of the customers who ordered in a window, in one row."""
    buyers = orders.filter(pl.col("next_orders") > 0)
    return buyers.select(pl.col("next_orders").mean().alias("typical_orders"), pl.col("next_spend").mean().alias("typical_spend"))


def _with_costs(rows: pl.DataFrame, until: date) -> pl.DataFrame:
    """Add the cost of the treatments of a row's household from its start to the end of its window."""
    treatments = rows.filter(pl.col("arm") == "treated", ~pl.col("superseded")).select(
        "who", *(pl.col(name).alias(f"treatment_{name}") for name in (*ROW, "start", "action_cost"))
    )
    pairs = rows.select(*ROW, "who", "start", "horizon_days").join(treatments, on="who", how="inner")
    day, start = pl.col("treatment_start"), pl.col("start")
    in_window = (day >= start) & (day < start + pl.duration(days="horizon_days")) & (day < until)
    is_other = pl.any_horizontal(pl.col(name) != pl.col(f"treatment_{name}") for name in ROW)
    others = pairs.filter(in_window, is_other).group_by(ROW).agg(pl.col("treatment_action_cost").sum().alias("other_cost"))
    own_cost = pl.when(pl.col("arm") == "treated").then("action_cost").otherwise(0.0)
    joined = rows.join(others, on=ROW, how="left", maintain_order="left")
    return joined.with_columns((own_cost + pl.col("other_cost").fill_null(0.0)).alias("cost")).drop("other_cost")


def enrolments(rows: pl.DataFrame) -> pl.DataFrame:
    """Return each household's first row, and every later row that starts when the window of the kept row before it has ended.

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
