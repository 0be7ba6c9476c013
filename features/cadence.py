"""The customer's own rhythm, and how the present silence compares with it."""

from datetime import date

import polars as pl

from features.feature import Feature
from features.purchases import CUSTOMER, DAY

FAMILY = "cadence"
RECENT_GAPS = 3
ONCE = "fewer than two purchases"
FEATURES = (
    Feature("gap_median", "days", "Usual time between two purchases", ONCE),
    Feature("gap_mean", "days", "Average time between two purchases", ONCE),
    Feature("gap_std", "days", "Spread of the times between purchases", "fewer than three purchases"),
    Feature("gap_last", "days", "Time between the last two purchases", ONCE),
    Feature("gap_trend", "ratio", "Average of the last three gaps over that of all; above 1 the customer is slowing down", ONCE),
    Feature("gap_rank", "share", "Share of the customer's own gaps that were no longer than the present silence", ONCE),
    Feature("weekday_share", "share", "Share of purchases on the customer's most usual day of the week"),
    Feature("overdue_ratio", "ratio", "Present silence over the usual time between purchases; above 1 is overdue", ONCE),
)


def cadence(occasions: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    """Return gaps between purchase days and the overdue ratio per customer with a purchase before `as_of`."""
    days = pl.col(DAY).sort()
    gap = days.diff().dt.total_days().drop_nulls()
    silence = (pl.lit(as_of) - pl.col(DAY).max()).dt.total_days()
    return occasions.group_by(CUSTOMER).agg(
        gap.median().alias("gap_median"),
        gap.mean().alias("gap_mean"),
        gap.std().alias("gap_std"),
        gap.last().alias("gap_last"),
        (gap.tail(RECENT_GAPS).mean() / gap.mean()).alias("gap_trend"),
        (gap <= silence).mean().alias("gap_rank"),
        (pl.col(DAY).dt.weekday().value_counts().struct.field("count").max() / pl.len()).alias("weekday_share"),
        (silence / gap.median()).alias("overdue_ratio"),
    )
