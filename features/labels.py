"""What happened in a window after the as-of date: the outcomes that models learn from."""

from datetime import date, timedelta

import polars as pl

from features.frames.columns import CUSTOMER
from features.frames.purchases import customer_days, total
from features.point_in_time import midnight

LABELS = ("next_orders", "next_spend", "churned")
WAITS = ("order_wait", "contact_wait")
OUTCOMES = (*LABELS, *WAITS)
SECONDS_PER_DAY = 86_400


def labels(transactions: pl.LazyFrame, as_of: date, horizon_days: int) -> pl.LazyFrame:
    """Return next_orders and next_spend in [as_of, as_of + horizon_days) per customer with an order line in that window.

    next_orders counts days with a purchase; next_spend is net of returns. A customer without a row here had zero orders and
    zero spend.
    """
    window = pl.col("ordered_at").is_between(midnight(as_of), midnight(as_of + timedelta(days=horizon_days)), closed="left")
    return (
        customer_days(transactions.filter(window))
        .group_by(CUSTOMER)
        .agg(
            pl.col("is_purchase").sum().cast(pl.Int64).alias("next_orders"),
            total(pl.col("spend")).alias("next_spend"),
        )
    )


def with_labels(features: pl.LazyFrame, transactions: pl.LazyFrame, as_of: date, horizon_days: int) -> pl.LazyFrame:
    """Return the features with next_orders, next_spend and churned (1 without a purchase in the window, else 0)."""
    window = labels(transactions, as_of, horizon_days)
    joined = features.join(window, on=CUSTOMER, how="left", maintain_order="left")
    filled = joined.with_columns(pl.col("next_orders").fill_null(0), pl.col("next_spend").fill_null(0.0))
    return filled.with_columns((pl.col("next_orders") == 0).cast(pl.Int8).alias("churned"))


def with_waits(
    features: pl.LazyFrame, sales: pl.LazyFrame, contacts: pl.LazyFrame | None, as_of: date, horizon_days: int
) -> pl.LazyFrame:
    """Return the features with order_wait and contact_wait: days from as_of 00:00 to the first purchase and the first contact.

    Days have fractions. Only purchases and contacts in [as_of, as_of + horizon_days) count; null without one. A held-out row
    is not a contact. `sales` are order lines without returns.
    """
    with_order_wait = features.join(_first_wait(sales, "ordered_at", "order_wait", as_of, horizon_days), on=CUSTOMER, how="left")
    if contacts is None:
        return with_order_wait.with_columns(pl.lit(None, pl.Float64).alias("contact_wait"))
    contact_wait = _first_wait(made_contacts(contacts), "contacted_at", "contact_wait", as_of, horizon_days)
    return with_order_wait.join(contact_wait, on=CUSTOMER, how="left")


def made_contacts(contacts: pl.LazyFrame) -> pl.LazyFrame:
    """Return the contacts that were made, without the rows held out as a control."""
    return contacts.filter(pl.col("treated").fill_null(value=True)) if "treated" in contacts.collect_schema() else contacts


def _first_wait(rows: pl.LazyFrame, time_column: str, name: str, as_of: date, horizon_days: int) -> pl.LazyFrame:
    start = midnight(as_of)
    in_window = pl.col(time_column).is_between(start, midnight(as_of + timedelta(days=horizon_days)), closed="left")
    wait = (pl.col(time_column).min() - pl.lit(start)).dt.total_seconds(fractional=True) / SECONDS_PER_DAY
    return rows.filter(in_window).group_by(CUSTOMER).agg(wait.alias(name))
