"""Define what is timed: the feature table, and three other ways to compute some of its columns from the same files."""

import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import polars as pl

from benchmarks.features.log import AS_OF
from features.build_in_parts import count_parts, features_in_parts
from features.point_in_time import midnight
from features.storage.parquet import parquet_writer
from features.tables.schema import ALL_TABLES, Tables
from settings.sections import Loyalty

WINDOWS = (30, 90, 180, 365)
THREADS = 2


def holdfast(folder: Path) -> None:
    """Compute all features of all families and write them to a Parquet file; a large log is processed in parts."""
    tables = Tables(**{name: pl.scan_parquet(folder / name / "*.parquet") for name in ALL_TABLES if (folder / name).is_dir()})
    parts = count_parts(tables, AS_OF)
    with parquet_writer(folder / "features.parquet") as write:
        for part in features_in_parts(tables, AS_OF, 365, Loyalty(), parts, folder / "parts", lambda _done, _of: None):
            write(part.features)


def reference(folder: Path) -> None:
    """Run one streaming query: sort by customer and time; count, spend, first, last, gaps, switches, windows per customer."""
    customer, when = pl.col("customer_id"), pl.col("ordered_at")
    is_same_customer = customer == customer.shift()
    gap = pl.when(is_same_customer).then((when - when.shift()).dt.total_seconds()).alias("gap")
    is_brand_switch = (is_same_customer & (pl.col("brand") != pl.col("brand").shift())).alias("switched")
    windows = [pl.when(when >= midnight(AS_OF - timedelta(days=w))).then("amount").alias(f"spend_{w}") for w in WINDOWS]
    (
        pl.scan_parquet(folder / "transactions" / "*.parquet")
        .filter(when < midnight(AS_OF))
        .select("customer_id", "ordered_at", "amount", "brand")
        .sort("customer_id", "ordered_at")
        .with_columns(gap, is_brand_switch, *windows)
        .group_by("customer_id")
        .agg(
            pl.len(),
            pl.col("amount").sum(),
            when.min().alias("first"),
            when.max().alias("last"),
            pl.col("gap").mean().alias("gap_mean"),
            pl.col("gap").std().alias("gap_std"),
            pl.col("switched").sum(),
            *(pl.col(f"spend_{w}").sum() for w in WINDOWS),
        )
        .sink_parquet(folder / "reference.parquet", engine="streaming")
    )


def duckdb(folder: Path) -> None:
    """Compute the columns of the reference in SQL."""
    import duckdb

    spends = ", ".join(f"sum(amount) filter (ordered_at >= d - interval {w} day) as spend_{w}" for w in WINDOWS)
    query = f"""
        copy (
            with lines as (
                select customer_id, ordered_at, amount, brand, timestamp '{AS_OF}' as d,
                       lag(ordered_at) over customer as before, lag(brand) over customer as brand_before
                from '{folder}/transactions/*.parquet' where ordered_at < timestamp '{AS_OF}'
                window customer as (partition by customer_id order by ordered_at)
            )
            select customer_id, count(*), sum(amount), min(ordered_at), max(ordered_at), avg(epoch(ordered_at - before)),
                   stddev(epoch(ordered_at - before)), sum((brand != brand_before)::int), {spends}
            from lines group by customer_id
        ) to '{folder}/duckdb.parquet'
    """  # noqa: S608  # a temporary folder of this benchmark
    with duckdb.connect() as connection:
        connection.execute(f"set threads = {THREADS}")
        connection.execute(query)


def lifetimes(folder: Path) -> None:
    """Compute frequency, recency and T with `summary_data_from_transaction_data`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lifetimes on pandas 3
        from lifetimes.utils import summary_data_from_transaction_data

        lines = pl.scan_parquet(folder / "transactions" / "*.parquet").select("customer_id", "ordered_at").collect()
        summary_data_from_transaction_data(lines.to_pandas(), "customer_id", "ordered_at", observation_period_end=str(AS_OF))


PLANS: dict[str, Callable[[Path], None]] = {
    "holdfast": holdfast,
    "reference": reference,
    "duckdb": duckdb,
    "lifetimes": lifetimes,
}
