"""The order in which a customer chose brands: one symbol per occasion and category."""

import numpy as np
import polars as pl

from features.frames.collect import collect
from features.frames.columns import CUSTOMER, DAY
from features.frames.purchases import MONEY_DECIMALS, is_sale_line
from features.frames.sorted_runs import customer_day, of_customer_day, pack_keys, reduce_runs, run_numbers, starts_run

CATEGORY, SYMBOL, SEQUENCE = "category", "symbol", "sequence"
NO_CATEGORY = 0
KEY = "key"


def choices(transactions: pl.LazyFrame, unit: str) -> pl.DataFrame:
    """Return one row per occasion and category with a known symbol: customer_id, category, day, symbol, sequence.

    `transactions` are those of a History. The symbol is the unit with the largest net spend on sale lines and returns of
    that day, ties by name. `symbol` is the place of the word in its Enum; `category` likewise, from 1, and 0 without one
    or where categories are themselves the unit. Rows are in order of customer, category and day; `sequence` counts
    customer and category together, from 0.
    """
    best = _best(_spent(transactions, unit)).select(*of_customer_day(KEY), CATEGORY, SYMBOL)
    if best[CATEGORY].max():
        best = best.sort(pack_keys(CUSTOMER, CATEGORY), maintain_order=True)
    return best.with_columns(run_numbers(best, CUSTOMER, CATEGORY).alias(SEQUENCE))


def in_time(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the choices of each customer over all categories, in order of day and category."""
    if not rows[CATEGORY].max():
        return rows
    return rows.sort(customer_day(pl.col(DAY)), maintain_order=True)


def _spent(transactions: pl.LazyFrame, unit: str) -> pl.DataFrame:
    """Net spend per customer and day, category and symbol with a sale line, in order of all of these."""
    columns = transactions.collect_schema().names()
    by_category = CATEGORY in columns and unit != CATEGORY
    category = (pl.col(CATEGORY).to_physical().cast(pl.UInt32) + 1).fill_null(NO_CATEGORY)
    lines = transactions.drop_nulls(unit).select(
        customer_day(pl.col("ordered_at").dt.date()).alias(KEY),
        (category if by_category else pl.lit(NO_CATEGORY, pl.UInt32)).alias(CATEGORY),
        pl.col(unit).to_physical().cast(pl.UInt32).alias(SYMBOL),
        "amount",
        is_sale_line(columns).alias("sale"),
    )
    by = [KEY, CATEGORY, SYMBOL] if by_category else [KEY, SYMBOL]
    ordered = collect(lines).rechunk().sort(by, maintain_order=True)
    sums = reduce_runs(ordered, KEY, CATEGORY, SYMBOL, reduce={"amount": np.add, "sale": np.logical_or})
    return sums.filter("sale").with_columns(pl.col("amount").round(MONEY_DECIMALS))


def _best(spent: pl.DataFrame) -> pl.DataFrame:
    """The first symbol with the highest spend of each occasion and category."""
    highest = reduce_runs(spent, KEY, CATEGORY, reduce={"amount": np.maximum})["amount"]
    best = spent.filter(spent["amount"] == highest.gather(run_numbers(spent, KEY, CATEGORY)))
    return best.filter(starts_run(KEY, CATEGORY))
