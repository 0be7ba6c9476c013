"""From order lines to customer days and purchase occasions: the rows that most families start from."""

import numpy as np
import polars as pl

from features.cancelled_orders import CANCELLED, MONEY_DECIMALS, is_return_line
from features.frames.collect import Engine
from features.frames.columns import CUSTOMER, DAY
from features.frames.sorted_runs import customer_day_key, reduce_runs, unpack_customer_day

SHARE_DECIMALS = 9


def total(money: pl.Expr) -> pl.Expr:
    """Return the sum of amounts, rounded to a millionth of the currency.

    The last digits of a sum of floats depend on the order of its terms, and a feature must not depend on the order of rows:
    trees split on such digits, and cents that cancel out would leave a residue.
    """
    return money.sum().round(MONEY_DECIMALS)


def is_sale_line(columns: list[str]) -> pl.Expr:
    """Whether a line is a sale: quantity above zero, or amount of zero or more where there is no quantity.

    A line of a cancelled order (`mark_cancelled`) is none.
    """
    sale = ~is_return_line(columns)
    return sale & ~pl.col(CANCELLED) if CANCELLED in columns else sale


def customer_days(transactions: pl.LazyFrame) -> pl.LazyFrame:
    """Return one row per customer and UTC day with a line: customer_id, day, spend, returned, is_purchase.

    `spend` nets returns against sales, in the currency of the table; `returned` is the returned amount, >= 0. A day is a
    purchase when it has at least one sale line, free ones included; lines of cancelled orders (`mark_cancelled`) do not count.
    """
    lines = _sale_and_return_lines(transactions, CUSTOMER, pl.col("ordered_at").dt.date().alias(DAY)).group_by(CUSTOMER, DAY)
    amounts = [total(pl.col("amount")).alias("spend"), total(pl.col("returned"))]
    return lines.agg(*amounts, pl.col("sale").any().alias("is_purchase"))


def sorted_customer_days(transactions: pl.LazyFrame, engine: Engine = "streaming") -> pl.DataFrame:
    """Return `customer_days` sorted by customer and day; `transactions` are those of EncodedTables, already in this order."""
    key = customer_day_key(pl.col("ordered_at").dt.date()).alias("key")
    lines = _sale_and_return_lines(transactions, key).collect(engine=engine).rechunk()
    sums = reduce_runs(lines, "key", reduce={"amount": np.add, "returned": np.add, "sale": np.logical_or})
    money = [pl.col("amount").round(MONEY_DECIMALS).alias("spend"), pl.col("returned").round(MONEY_DECIMALS)]
    return sums.select(*unpack_customer_day("key"), *money, pl.col("sale").alias("is_purchase"))


def _sale_and_return_lines(transactions: pl.LazyFrame, *keys: str | pl.Expr) -> pl.LazyFrame:
    columns = transactions.collect_schema().names()
    returned = pl.when(is_return_line(columns)).then(-pl.col("amount")).otherwise(0.0)
    return transactions.select(*keys, "amount", is_sale_line(columns).alias("sale"), returned.alias("returned"))


def occasions(days: pl.LazyFrame) -> pl.LazyFrame:
    """Return the days that are purchase occasions, in their order: customer_id, day, spend."""
    return days.filter("is_purchase").select(CUSTOMER, DAY, "spend")
