"""Cancelled orders: an order of which everything was returned is no purchase, from the day on which that was known."""

from dataclasses import replace

import polars as pl

from features.tables.schema import Tables
from settings.sections import Purchases

CUSTOMER, ORDER, LINKED, CANCELLED = "customer_id", "order_id", "linked_order", "is_cancelled"
MONEY_DECIMALS = 6


def is_return_line(columns: list[str]) -> pl.Expr:
    """Whether a line is a return: quantity of zero or less, or a negative amount where there is no quantity."""
    by_amount = pl.col("amount") >= 0
    return ~(pl.coalesce(pl.col("quantity") > 0, by_amount) if "quantity" in columns else by_amount)


def link_orders(lines: pl.LazyFrame, *, merged: bool = False) -> pl.LazyFrame:
    """Return the lines with `linked_order`: the order_id where an order has both sales and returns, else null.

    With `merged` customers, whose ids depend on the day, orders of all customers with the same number are linked. That is enough:
    `mark_cancelled` looks at the lines of one customer. Lines that have the column already, or no order_id, stay as they are.
    """
    columns = lines.collect_schema().names()
    if LINKED in columns or ORDER not in columns:
        return lines
    keys = [ORDER] if merged else [CUSTOMER, ORDER]
    returned = lines.filter(is_return_line(columns)).select(keys).unique()
    sold = lines.filter(~is_return_line(columns)).select(keys)
    linked = sold.join(returned, on=keys, how="semi").unique().with_columns(pl.col(ORDER).alias(LINKED))
    return lines.join(linked, on=keys, how="left", maintain_order="left")


def has_linked_orders(lines: pl.LazyFrame) -> bool:
    """Return whether any order has both sales and returns, so that a later return may cancel it."""
    linked = link_orders(lines)
    if LINKED not in linked.collect_schema():
        return False
    return bool(linked.select(pl.col(LINKED).is_not_null().any()).collect(engine="streaming").item())


def mark_cancelled(lines: pl.LazyFrame, *, merged: bool = False) -> pl.LazyFrame:
    """Return the lines with `is_cancelled`: whether they belong to an order with a return whose amounts net to zero or less.

    `lines` are those known before a day: a return that was known later does not cancel. Without order_id, none is cancelled and
    the column is missing. The order of the lines stays. `merged` is as in `link_orders`.
    """
    linked = link_orders(lines.drop(CANCELLED, strict=False), merged=merged)
    columns = linked.collect_schema().names()
    if LINKED not in columns:
        return linked
    keys = [CUSTOMER, LINKED]
    net = pl.col("amount").sum().round(MONEY_DECIMALS)
    orders = linked.filter(pl.col(LINKED).is_not_null()).group_by(keys)
    states = orders.agg((is_return_line(columns).any() & (net <= 0)).alias(CANCELLED))
    marked = linked.join(states, on=keys, how="left", maintain_order="left")
    return marked.with_columns(pl.col(CANCELLED).fill_null(value=False))


def net_of_returns(tables: Tables, purchases: Purchases) -> Tables:
    """Return the tables as `purchases.net` wants them: with "line", order lines have no order_id, and no order is cancelled."""
    if purchases.net == "order":
        return tables
    return replace(tables, transactions=tables.transactions.drop(ORDER, strict=False))
