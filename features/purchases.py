"""From order lines to days and purchase occasions: the rows that most families start from."""

import polars as pl

CUSTOMER = "customer_id"
DAY = "day"
MONEY_DECIMALS = 6


def total(money: pl.Expr) -> pl.Expr:
    """Sum of amounts, to a millionth of the currency.

    A sum of floats depends on their order in its last digits, and a feature must not depend on the order of
    rows: trees split on such digits, and cents that cancel out would leave a residue.
    """
    return money.sum().round(MONEY_DECIMALS)


def is_sale_line(columns: list[str]) -> pl.Expr:
    """Quantity above zero; amount of zero or more where there is no quantity."""
    by_amount = pl.col("amount") >= 0
    return pl.coalesce(pl.col("quantity") > 0, by_amount) if "quantity" in columns else by_amount


def customer_days(transactions: pl.LazyFrame) -> pl.LazyFrame:
    """Return one row per customer and UTC day with a line: day, spend (net), returned, is_purchase.

    spend nets returns against sales, in the table's currency; `returned` is the returned amount, >= 0.
    A day is a purchase when it has at least one sale line, free ones included.
    """
    sale = is_sale_line(transactions.collect_schema().names())
    return transactions.group_by(CUSTOMER, pl.col("ordered_at").dt.date().alias(DAY)).agg(
        total(pl.col("amount")).alias("spend"),
        total(-pl.col("amount").filter(~sale)).alias("returned"),
        sale.any().alias("is_purchase"),
    )


def occasions(days: pl.LazyFrame) -> pl.LazyFrame:
    """Return the days that are purchase occasions: customer_id, day, spend."""
    return days.filter("is_purchase").select(CUSTOMER, DAY, "spend")
