"""The profile of a load, with which later loads are compared: what every day, order and customer contributes to it.

A profile is one frame whose rows are of three parts. `orders` has a row per order, customer and day with its net amount; `ids` a
row per customer with the first and the last day; `days` a row per day and group with its rows and amounts. The group is all
rows, a file, a store, a channel or a region. Ids of orders and customers are hashed.
"""

import polars as pl

from expectations.rows.filter import FilterResult, amount_column, amount_sums
from features.storage.hashing import seeded_hash
from features.tables.schema import Table
from features.tables.sources import SOURCE

PART, ORDERS, IDS, DAYS = "part", "orders", "ids", "days"
ORDER, CUSTOMER, DAY, NET = "order", "customer", "day", "net"
ALL, FILE = "all", "file"
GROUP_COLUMNS = ("store", "channel", "region")
MAX_GROUPS = 50  # the largest stores, channels and regions; a column with more values has no more than these


def build_profile(table: Table, good: pl.LazyFrame, result: FilterResult, seed: int) -> pl.LazyFrame:
    """Return the profile of a load from its good rows and the counts of its pass."""
    names = good.collect_schema().names()
    day = pl.col(table.known_from).dt.date() if table.known_from in names else pl.lit(None, pl.Date)
    rows = good.with_columns(day.alias(DAY))
    parts = [_part(IDS, _ids(rows, seed))]
    if "order_id" in names:
        parts.append(_part(ORDERS, _orders(rows, seed)))
    if result.daily_files is not None:
        amount = amount_column(names)
        groups = [_group_days(rows, name, amount) for name in GROUP_COLUMNS if amount and name in names]
        parts += [_part(DAYS, frame) for frame in [_file_days(result.daily_files).lazy(), *groups]]
    return pl.concat(parts, how="diagonal")


def read_part(profile: pl.LazyFrame, part: str) -> pl.LazyFrame:
    """Return the rows of one part of a profile."""
    return profile.filter(pl.col(PART) == part)


def read_days(profile: pl.LazyFrame) -> pl.DataFrame:
    """Return the days of a profile with `group`, `value` and what was counted and summed; empty for a table without dates."""
    schema = profile.collect_schema()
    if "group" not in schema:
        return pl.DataFrame(schema={"group": pl.String, "value": pl.String, DAY: pl.Date, "rows": pl.UInt32})
    counted = [name for name in ("rows", "sales", "returns", "positive", "log_sum") if name in schema]
    return read_part(profile, DAYS).select("group", "value", DAY, *counted).collect(engine="streaming")


def _part(name: str, frame: pl.LazyFrame) -> pl.LazyFrame:
    return frame.select(pl.lit(name).alias(PART), pl.all())


def _ids(rows: pl.LazyFrame, seed: int) -> pl.LazyFrame:
    days = [pl.col(DAY).min().alias("first"), pl.col(DAY).max().alias("last")]
    return rows.group_by(seeded_hash("customer_id", seed).alias(CUSTOMER)).agg(days)


def _orders(rows: pl.LazyFrame, seed: int) -> pl.LazyFrame:
    """Return the net amount per order, customer and day: a till may reuse the numbers of its orders on another day."""
    hashes = [seeded_hash("order_id", seed).alias(ORDER), seeded_hash("customer_id", seed).alias(CUSTOMER)]
    return rows.group_by(*hashes, DAY).agg(pl.col("amount").sum().alias(NET))


def _file_days(daily_files: pl.DataFrame) -> pl.DataFrame:
    """Return the days of all rows, and of each file where the table has money."""
    files = daily_files.rename({SOURCE: "value"})
    everything = files.drop("value").group_by(DAY).sum().select(pl.lit(ALL).alias("group"), pl.lit("").alias("value"), pl.all())
    if "sales" not in files.columns:
        return everything
    return pl.concat([everything, files.select(pl.lit(FILE).alias("group"), pl.all())], how="diagonal_relaxed")


def _group_days(rows: pl.LazyFrame, name: str, amount: str) -> pl.LazyFrame:
    largest = rows.group_by(name).len().drop_nulls().top_k(MAX_GROUPS, by="len").select(name)
    counts = rows.join(largest, on=name, how="semi").group_by(name, DAY).agg(pl.len().alias("rows"), *amount_sums(amount))
    return counts.select(pl.lit(name).alias("group"), pl.col(name).alias("value"), pl.exclude(name))
