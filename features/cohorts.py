"""Cohort retention: of the customers who first bought in a period, how many bought again in each later one."""

from datetime import date, timedelta

import polars as pl

from features.frames.columns import CUSTOMER, DAY
from features.frames.encoded import encode_tables
from features.frames.purchases import occasions, sorted_customer_days
from features.point_in_time import known_before
from features.tables.schema import Tables

MONTHS_FROM_DAYS = 548  # a log of a year and a half or more is shown by quarters, a shorter one by months
MONTHS = {"quarter": 3, "month": 1}


def cohort_period(days_of_log: int) -> str:
    """Return the period that suits a log of this length: "quarter" or "month"."""
    return "quarter" if days_of_log >= MONTHS_FROM_DAYS else "month"


def cohort_retention(tables: Tables, as_of: date, period: str) -> pl.DataFrame:
    """Return cohort (first day of the period), customers, later (1, 2, ... periods after it) and bought, by cohort and later.

    `bought` is the share of the cohort with a purchase in that later period. Only periods that ended before `as_of` count, and a
    period in which no customer of the cohort bought has the share 0.
    """
    days = occasions(sorted_customer_days(encode_tables(known_before(tables, as_of)).tables.transactions).lazy())
    index = (pl.col(DAY).dt.year() * 12 + pl.col(DAY).dt.month() - 1) // MONTHS[period]
    seen = days.select(CUSTOMER, index.alias("period")).unique().collect(engine="streaming")
    complete = _period_index(as_of, period)  # the first one that has not ended
    first = seen.group_by(CUSTOMER).agg(pl.col("period").min().alias("first")).filter(pl.col("first") < complete)
    sizes = first.group_by("first").agg(pl.len().alias("customers")).sort("first")
    later = sizes.with_columns(pl.int_ranges(1, complete - pl.col("first")).alias("later")).explode("later").drop_nulls("later")
    joined = seen.join(first, on=CUSTOMER).with_columns((pl.col("period") - pl.col("first")).cast(pl.Int64).alias("later"))
    bought = joined.group_by("first", "later").agg(pl.len().alias("buyers"))
    shares = later.with_columns(pl.col("later").cast(pl.Int64)).join(bought, on=["first", "later"], how="left")
    month = pl.col("first") * MONTHS[period]
    return shares.select(
        pl.date(month // 12, month % 12 + 1, 1).alias("cohort"),
        "customers",
        "later",
        (pl.col("buyers").fill_null(0) / pl.col("customers")).alias("bought"),
    ).sort("cohort", "later")


def _period_index(day: date, period: str) -> int:
    """Return the number of the period that holds the day before `day`, or of the one after it, if that day ends its period."""
    last = day - timedelta(days=1)
    index = (last.year * 12 + last.month - 1) // MONTHS[period]
    return index + 1 if (day.year * 12 + day.month - 1) // MONTHS[period] > index else index
