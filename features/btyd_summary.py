"""Customers in the form of the order models: frequency, recency, T and spend per repeat order."""

from datetime import date

import polars as pl

from features.families.recency import recency
from features.frames.columns import CUSTOMER, DAY
from features.frames.purchases import total
from features.frames.sorted_runs import gap_days


def purchase_histories(occasions: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return one row per customer who bought before `as_of`, sorted by customer_id.

    Columns: orders, frequency, recency and T (days); monetary_value, the mean spend of the purchase days after the first; and
    log_gaps, the sum of the logarithms of the days between purchases. The last two are null for a customer with one purchase.
    `occasions` holds a row per customer and purchase day: customer_id, day, spend.
    """
    before = occasions.lazy().filter(pl.col(DAY) < as_of)
    repeats = before.filter(pl.col(DAY) > pl.col(DAY).min().over(CUSTOMER))
    gaps = before.sort(CUSTOMER, DAY).select(CUSTOMER, gap_days().alias("gap")).drop_nulls("gap")
    log_gaps = gaps.group_by(CUSTOMER).agg(total(pl.col("gap").log()).alias("log_gaps"))
    spend = repeats.group_by(CUSTOMER).agg((total(pl.col("spend")) / pl.len()).alias("monetary_value"))
    return (
        recency(before, as_of)
        .join(log_gaps, on=CUSTOMER, how="left")
        .join(spend, on=CUSTOMER, how="left")
        .sort(CUSTOMER)
        .collect()
    )
