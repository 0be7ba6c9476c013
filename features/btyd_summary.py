"""Customers as the order models take them: frequency, recency, T and spend per repeat order."""

from datetime import date

import polars as pl

from features.families.recency import recency
from features.frames.columns import CUSTOMER, DAY
from features.frames.purchases import total


def purchase_histories(occasions: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return orders, frequency, recency, T (days) and monetary_value per customer who bought before `as_of`, by customer_id.

    `occasions` holds a row per customer and day with a purchase: customer_id, day, spend. monetary_value is the mean spend of
    the days after the first; null without one.
    """
    before = occasions.lazy().filter(pl.col(DAY) < as_of)
    again = before.filter(pl.col(DAY) > pl.col(DAY).min().over(CUSTOMER))
    spend = again.group_by(CUSTOMER).agg((total(pl.col("spend")) / pl.len()).alias("monetary_value"))
    return recency(before, as_of).join(spend, on=CUSTOMER, how="left").sort(CUSTOMER).collect()
