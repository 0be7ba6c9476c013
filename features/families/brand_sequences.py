"""The order in which a customer chose brands: one symbol per occasion and category."""

import numpy as np
import polars as pl

from features.cancelled_orders import MONEY_DECIMALS
from features.frames.collect import Engine
from features.frames.columns import CUSTOMER, DAY
from features.frames.purchases import is_sale_line
from features.frames.sorted_runs import customer_day_key, pack_keys, reduce_runs, run_numbers, starts_run, unpack_customer_day

CATEGORY, SYMBOL, SEQUENCE = "category", "symbol", "sequence"
NO_CATEGORY = 0
KEY = "key"


def choose_symbols(transactions: pl.LazyFrame, unit: str, engine: Engine) -> pl.DataFrame:
    """Return one row per occasion and category with a symbol: customer_id, category, day, symbol, sequence.

    `transactions` are those of EncodedTables. The symbol is the `unit` with the largest net spend over sale lines and returns
    of that day, alphabetically first among equals. `symbol` is the code of the word in its Enum. `category` is likewise, from
    1; it is 0 without a category, or where the category is the unit. Rows are sorted by customer, category and day.
    `sequence` numbers the pairs of customer and category from 0.
    """
    best = _best_symbols(_net_spend(transactions, unit, engine)).select(*unpack_customer_day(KEY), CATEGORY, SYMBOL)
    if best[CATEGORY].max():
        best = best.sort(pack_keys(CUSTOMER, CATEGORY), maintain_order=True)
    return best.with_columns(run_numbers(best, CUSTOMER, CATEGORY).alias(SEQUENCE))


def sort_by_time(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the choices of each customer over all categories, sorted by day and category."""
    if not rows[CATEGORY].max():
        return rows
    return rows.sort(customer_day_key(pl.col(DAY)), maintain_order=True)


def _net_spend(transactions: pl.LazyFrame, unit: str, engine: Engine) -> pl.DataFrame:
    """Return net spend per customer and day, category and symbol with a sale line, sorted by all of these."""
    columns = transactions.collect_schema().names()
    by_category = CATEGORY in columns and unit != CATEGORY
    category = (pl.col(CATEGORY).to_physical().cast(pl.UInt32) + 1).fill_null(NO_CATEGORY)
    lines = transactions.drop_nulls(unit).select(
        customer_day_key(pl.col("ordered_at").dt.date()).alias(KEY),
        (category if by_category else pl.lit(NO_CATEGORY, pl.UInt32)).alias(CATEGORY),
        pl.col(unit).to_physical().cast(pl.UInt32).alias(SYMBOL),
        "amount",
        is_sale_line(columns).alias("sale"),
    )
    keys = [KEY, CATEGORY, SYMBOL] if by_category else [KEY, SYMBOL]
    ordered = lines.collect(engine=engine).rechunk().sort(keys, maintain_order=True)
    sums = reduce_runs(ordered, KEY, CATEGORY, SYMBOL, reduce={"amount": np.add, "sale": np.logical_or})
    return sums.filter("sale").with_columns(pl.col("amount").round(MONEY_DECIMALS))


def _best_symbols(spend: pl.DataFrame) -> pl.DataFrame:
    """Return the first symbol with the highest spend of each occasion and category."""
    highest = reduce_runs(spend, KEY, CATEGORY, reduce={"amount": np.maximum})["amount"]
    best = spend.filter(spend["amount"] == highest.gather(run_numbers(spend, KEY, CATEGORY)))
    return best.filter(starts_run(KEY, CATEGORY))
