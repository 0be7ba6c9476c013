"""Where and when: what surrounds a customer and was known by the as-of date."""

from datetime import date

import polars as pl

from features.feature import Feature
from features.purchases import CUSTOMER, DAY
from features.tables.schema import Tables

FAMILY = "context"
MONTHS_PER_YEAR = 12
FEATURES = (
    Feature("as_of_month", "1 to 12", "Month of the as-of date: the season", "never", model=False, calendar=True),
    Feature("first_month", "1 to 12", "Month of the first purchase: the season that brought the customer", calendar=True),
    Feature("cohort", "months", "Month of the first purchase, counted from January of year 0", model=False, calendar=True),
    Feature(
        "region", "name", "Region most of the purchases came from, else the one on record", "not told by any table", model=False
    ),
    Feature(
        "channel",
        "name",
        "Channel most of the purchases came through, else the one on record",
        "not told by any table",
        model=False,
    ),
)


def context(everyone: pl.LazyFrame, known: Tables, occasions: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    """Return season, cohort, region and channel for each of `everyone`, one row per customer; ties go by name."""
    first = pl.col(DAY).min()
    dates = occasions.group_by(CUSTOMER).agg(
        first.dt.month().alias("first_month"),
        (first.dt.year().cast(pl.Int64) * MONTHS_PER_YEAR + first.dt.month() - 1).alias("cohort"),
    )
    joined = everyone.join(dates, on=CUSTOMER, how="left")
    for column in ("region", "channel"):
        joined = joined.join(_usual(known, column), on=CUSTOMER, how="left")
    return joined.with_columns(pl.lit(as_of.month).alias("as_of_month"))


def _usual(known: Tables, column: str) -> pl.LazyFrame:
    """The value on most order lines; where no line has one, the one of the customers table."""
    told = [
        _counted(frame, column, rank) for rank, frame in enumerate((known.transactions, known.customers)) if _has(frame, column)
    ]
    if not told:
        return pl.LazyFrame(schema={CUSTOMER: pl.String, column: pl.String})
    order = ("rank", "len", column)
    usual = pl.col(column).sort_by(*order, descending=[False, True, False]).first()
    return pl.concat(told).group_by(CUSTOMER).agg(usual)


def _has(frame: pl.LazyFrame | None, column: str) -> bool:
    return frame is not None and column in frame.collect_schema()


def _counted(frame: pl.LazyFrame | None, column: str, rank: int) -> pl.LazyFrame:
    assert frame is not None  # noqa: S101  # for the type checker: `_has` has looked
    counts = frame.drop_nulls(column).group_by(CUSTOMER, column).len()
    return counts.with_columns(pl.lit(rank).alias("rank"))
