"""Customers, their plain RFM summary and their outcomes, counted from the raw rows of a log without any code of the project."""

from datetime import date, timedelta

import polars as pl

from benchmarks.logs.catalogue import OrderLog

RFM = ("frequency", "recency", "T", "recency_days", "monetary_value", "historic_value")


def read_days(log: OrderLog) -> pl.DataFrame:
    """Return customer_id, day, spend (net of returns) and sales (without returns), a row per customer and day with an order."""
    names = {name: log.columns.get(name, name) for name in ("customer_id", "ordered_at", "amount")}
    rows = pl.read_parquet(log.path).select(
        pl.sql_expr(names["customer_id"]).cast(pl.String).alias("customer_id"),
        pl.sql_expr(names["ordered_at"]).cast(pl.Date).alias("day"),
        pl.sql_expr(names["amount"]).cast(pl.Float64).alias("amount"),
    )
    return (
        rows.drop_nulls("customer_id")
        .group_by("customer_id", "day")
        .agg(pl.col("amount").sum().alias("spend"), pl.col("amount").filter(pl.col("amount") > 0).sum().alias("sales"))
        .sort("customer_id", "day")
    )


def summarise(days: pl.DataFrame, origin: date) -> pl.DataFrame:
    """Return the RFM columns of every customer with a purchase before `origin`; monetary_value is of repeat purchases only."""
    before = days.filter(pl.col("day") < origin)
    spend = before.group_by("customer_id").agg(pl.col("spend").sum().alias("historic_value"))
    purchases = before.filter(pl.col("sales") > 0)
    summary = purchases.group_by("customer_id").agg(
        (pl.len() - 1).cast(pl.Float64).alias("frequency"),
        (pl.col("day").max() - pl.col("day").min()).dt.total_days().cast(pl.Float64).alias("recency"),
        (pl.lit(origin) - pl.col("day").min()).dt.total_days().cast(pl.Float64).alias("T"),
        (pl.lit(origin) - pl.col("day").max()).dt.total_days().cast(pl.Float64).alias("recency_days"),
        pl.col("sales").sort_by("day").slice(1).mean().alias("monetary_value"),
    )
    return summary.join(spend, on="customer_id").sort("customer_id")


def with_outcomes(summary: pl.DataFrame, days: pl.DataFrame, origin: date, horizon_days: int) -> pl.DataFrame:
    """Add churned (1.0 without a purchase in [origin, origin + horizon)), next_spend (at least 0), last_spend and wait.

    `last_spend` is the spend of the horizon before `origin`. `wait` is the number of days to the next purchase in the log, null
    without one.
    """
    length = timedelta(days=horizon_days)
    after = days.filter(pl.col("day") >= origin)
    window = after.filter(pl.col("day") < origin + length).group_by("customer_id")
    outcomes = window.agg((pl.col("sales") > 0).any().alias("bought"), pl.col("spend").sum().alias("next_spend"))
    recent = days.filter(pl.col("day").is_between(origin - length, origin, closed="left"))
    last_spend = recent.group_by("customer_id").agg(pl.col("spend").sum().alias("last_spend"))
    waits = (
        after.filter(pl.col("sales") > 0)
        .group_by("customer_id")
        .agg((pl.col("day").min() - origin).dt.total_days().alias("wait"))
    )
    joined = summary.join(outcomes, on="customer_id", how="left").join(last_spend, on="customer_id", how="left")
    return joined.join(waits, on="customer_id", how="left").with_columns(
        (~pl.col("bought").fill_null(value=False)).cast(pl.Float64).alias("churned"),
        pl.col("next_spend").fill_null(0.0).clip(lower_bound=0.0),
        pl.col("last_spend").fill_null(0.0).clip(lower_bound=0.0),
    )
