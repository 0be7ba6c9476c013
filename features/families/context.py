"""Where and when: what surrounds a customer and was known by the as-of date."""

from datetime import date

import polars as pl

from features.families.feature import Feature
from features.frames.columns import CUSTOMER, DAY
from features.frames.modes import modes
from features.frames.purchases import is_sale_line
from features.tables.schema import Tables

FAMILY = "context"
MONTHS_PER_YEAR = 12
FEATURES = (
    Feature("as_of_month", "1 to 12", "Month of the as-of date: the season", "never", model=False, calendar=True),
    Feature("first_month", "1 to 12", "Month of the first purchase: the season that brought the customer", calendar=True),
    Feature("cohort", "months", "Month of the first purchase, counted from January of year 0", model=False, calendar=True),
    Feature(
        "tenure_days",
        "days",
        "Since the customer joined or, where that is not told or later, first bought",
        "no purchase yet, and no joining date",
    ),
    Feature(
        "region", "name", "Region most of the sale lines came from, else the one on record", "not told by any table", model=False
    ),
    Feature(
        "channel",
        "name",
        "Channel most of the sale lines came through, else the one on record",
        "not told by any table",
        model=False,
    ),
)


def context(known: Tables, occasions: pl.LazyFrame, as_of: date) -> list[pl.LazyFrame]:
    """Return frames of season, cohort, tenure, region and channel per customer of whom anything is known.

    `known` are the tables of a History as they were known before `as_of`; `occasions` in order. Ties go by name.
    """
    first = pl.col(DAY).min()
    dates = occasions.group_by(CUSTOMER).agg(
        first.dt.month().alias("first_month"),
        (first.dt.year().cast(pl.Int64) * MONTHS_PER_YEAR + first.dt.month() - 1).alias("cohort"),
    )
    return [dates, _tenure(known.customers, occasions, as_of), *(_usual(known, column) for column in ("region", "channel"))]


def _tenure(customers: pl.LazyFrame | None, occasions: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    beginnings = [occasions.group_by(CUSTOMER).agg(pl.col(DAY).min())]
    if customers is not None and "joined_at" in customers.collect_schema():
        beginnings.append(
            customers.drop_nulls([CUSTOMER, "joined_at"]).select(CUSTOMER, pl.col("joined_at").dt.date().alias(DAY))
        )
    since = (pl.lit(as_of) - pl.col(DAY).min()).dt.total_days()
    return pl.concat(beginnings).group_by(CUSTOMER).agg(since.alias("tenure_days"))


def _usual(known: Tables, column: str) -> pl.LazyFrame:
    """The word on most sale lines; where there is none, the one of the customers table."""
    columns = known.transactions.collect_schema().names()
    bought = modes(known.transactions.filter(is_sale_line(columns)), column) if column in columns else None
    if known.customers is None or column not in known.customers.collect_schema():
        return pl.LazyFrame(schema={CUSTOMER: pl.UInt32, column: pl.String}) if bought is None else bought
    on_record = modes(known.customers.drop_nulls(CUSTOMER), column)
    if bought is None:
        return on_record
    both = bought.join(on_record, on=CUSTOMER, how="full", coalesce=True, suffix="_on_record")
    return both.select(CUSTOMER, pl.coalesce(column, f"{column}_on_record"))
