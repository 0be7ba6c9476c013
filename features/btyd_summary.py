"""Customers in the form of the order models: frequency, recency, T and spend per repeat order."""

from datetime import date

import polars as pl

from features.families.recency import recency
from features.frames.columns import CUSTOMER, DAY
from features.frames.purchases import total


def purchase_histories(occasions: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return one row per customer who bought before `as_of`, sorted by customer_id.

    Columns: orders, frequency, recency and T (days), and monetary_value: the mean spend of the purchase days after the first,
    null for a customer with one. `occasions` holds a row per customer and purchase day: customer_id, day, spend.
    """
    before = occasions.lazy().filter(pl.col(DAY) < as_of)
    repeats = before.filter(pl.col(DAY) > pl.col(DAY).min().over(CUSTOMER))
    spend = repeats.group_by(CUSTOMER).agg((total(pl.col("spend")) / pl.len()).alias("monetary_value"))
    return recency(before, as_of).join(spend, on=CUSTOMER, how="left").sort(CUSTOMER).collect()
