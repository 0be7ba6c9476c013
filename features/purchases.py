"""From order lines to days and purchase occasions: the rows that most families start from.

Families work on frames in order: by customer, then by day. Within such a frame a customer's first row is one whose
predecessor is another's, so that gaps and steps are differences of neighbours and need no window.
"""

import polars as pl

CUSTOMER = "customer_id"
DAY = "day"
MONEY_DECIMALS = 6
SHARE_DECIMALS = 9


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
    return (
        transactions.select(CUSTOMER, pl.col("ordered_at").dt.date().alias(DAY), "amount", sale.alias("sale"))
        .group_by(CUSTOMER, DAY)
        .agg(
            total(pl.col("amount")).alias("spend"),
            total(pl.when(~pl.col("sale")).then(-pl.col("amount"))).alias("returned"),
            pl.col("sale").any().alias("is_purchase"),
        )
    )


def days_in_order(transactions: pl.LazyFrame) -> pl.LazyFrame:
    """Return `customer_days` in order; `transactions` are those of a History, with whole numbers for customers."""
    return customer_days(transactions).sort(packed(CUSTOMER, DAY))


def packed(high: str, low: str) -> pl.Expr:
    """Two columns of whole numbers or dates as one number: sorting by it is several times as fast as by the two."""
    return pl.col(high).cast(pl.Int64) * 2**32 + pl.col(low).to_physical().cast(pl.Int64)


def occasions(days: pl.LazyFrame) -> pl.LazyFrame:
    """Return the days that are purchase occasions, in order: customer_id, day, spend."""
    return days.filter("is_purchase").select(CUSTOMER, DAY, "spend")


def first_row() -> pl.Expr:
    """Whether a row is its customer's first, in a frame in order."""
    return (pl.col(CUSTOMER) != pl.col(CUSTOMER).shift()).fill_null(value=True)


def among_last(rows: int) -> pl.Expr:
    """Whether a row is among its customer's last `rows`, in a frame in order."""
    return (pl.col(CUSTOMER) != pl.col(CUSTOMER).shift(-rows)).fill_null(value=True)


def since_last(value: pl.Expr) -> pl.Expr:
    """The value of the customer's last row, on each of its rows, in a frame in order."""
    return pl.when(among_last(1)).then(value).fill_null(strategy="backward")
