"""How long all features take, against one plain group-by on the same file in the same run.

Run: python -m benchmarks.features [customers]
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl

from features.build import build_features
from features.tables.schema import Tables
from holdfast.demo.simulated.shop import simulate
from settings.sections import Loyalty

REPEATS = 3
WEEKS = 156


def fastest(work: Callable[[], object]) -> float:
    """Return the shortest of three times, in seconds."""
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def plain(transactions: pl.LazyFrame) -> pl.LazyFrame:
    """Count, spend, first and last per customer."""
    when, amount = pl.col("ordered_at"), pl.col("amount")
    return transactions.group_by("customer_id").agg(pl.len(), amount.sum(), when.min().alias("first"), when.max().alias("last"))


def main(customers: int) -> None:
    """Print both times and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        shop = simulate(customers, WEEKS, seed=1)
        for table, frame in shop.tables.items():
            frame.write_parquet(Path(name) / f"{table}.parquet")
        tables = Tables(**{table: pl.scan_parquet(Path(name) / f"{table}.parquet") for table in shop.tables})
        lines = shop.tables["transactions"].height
        base = fastest(lambda: plain(tables.transactions).collect(engine="streaming"))
        whole = fastest(lambda: build_features(tables, shop.as_of, 365, Loyalty()).collect(engine="streaming"))
    print(f"{customers:,} simulated customers, {lines:,} order lines, minimum of {REPEATS}")
    print(f"  plain group-by  {base:8.3f} s")
    print(f"  all features    {whole:8.3f} s   {whole / base:.1f} times as long")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
