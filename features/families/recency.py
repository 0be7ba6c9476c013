"""Recency, frequency and T in days, as buy-till-you-die (BTYD) models define them."""

from datetime import date

import polars as pl

from features.families.feature import Feature
from features.frames.columns import CUSTOMER, DAY

FAMILY = "recency"
FEATURES = (
    Feature(
        "orders",
        "days with a purchase",
        "Number of days with a purchase",
        null_when="never: 0 without a purchase",
        is_count=True,
    ),
    Feature("frequency", "days with a purchase", "Purchases after the first: orders - 1"),
    Feature("recency", "days", "Days from the first purchase to the last"),
    Feature("T", "days", "Days from the first purchase to the as-of date"),
    Feature("recency_days", "days", "Days from the last purchase to the as-of date: the current silence"),
)


def recency(occasions: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    """Return orders, frequency, recency, T and recency_days per customer with a purchase before `as_of`.

    Fader, Hardie and Lee (2005), doi:10.1287/mksc.1040.0098, section 2: x, t_x and T, in days.
    """
    first, last = pl.col(DAY).min(), pl.col(DAY).max()
    return occasions.group_by(CUSTOMER).agg(
        pl.len().cast(pl.Int64).alias("orders"),
        (pl.len().cast(pl.Int64) - 1).alias("frequency"),
        (last - first).dt.total_days().alias("recency"),
        (pl.lit(as_of) - first).dt.total_days().alias("T"),
        (pl.lit(as_of) - last).dt.total_days().alias("recency_days"),
    )
