"""How broadly the customer buys."""

import polars as pl

from features.feature import Feature
from features.purchases import CUSTOMER, is_sale_line, total

FAMILY = "basket"
FEATURES = (
    Feature("lines_per_order", "lines", "Sale lines per day with a purchase"),
    Feature(
        "items_per_order", "items", "Quantity bought per day with a purchase", "no purchase yet, or the table has no quantity"
    ),
    Feature(
        "mean_unit_price",
        "currency",
        "Average unit price of the sale lines: the price level",
        "no purchase yet, or the table has no unit_price",
    ),
    Feature(
        "discount_share", "share", "Share of sale lines bought at a discount", "no purchase yet, or the table has no discount"
    ),
    Feature("products", "products", "Different products bought", "no purchase yet, or the table has no product_id"),
    Feature("categories", "categories", "Different categories bought from", "no purchase yet, or the table has no category"),
    Feature("brands", "brands", "Different brands bought", "no purchase yet, or the table has no brand"),
)


def basket(transactions: pl.LazyFrame) -> pl.LazyFrame:
    """Return breadth per customer with a purchase; a count is null where the table has no such column."""
    columns = transactions.collect_schema().names()
    day = pl.col("ordered_at").dt.date()
    return (
        transactions.filter(is_sale_line(columns))
        .group_by(CUSTOMER)
        .agg(
            (pl.len() / day.n_unique()).alias("lines_per_order"),
            _told("quantity", total(pl.col("quantity")) / day.n_unique(), columns).alias("items_per_order"),
            _told("unit_price", total(pl.col("unit_price")) / pl.col("unit_price").count(), columns).alias("mean_unit_price"),
            _told("discount", (pl.col("discount").fill_null(0) > 0).mean(), columns).alias("discount_share"),
            _different("product_id", "products", columns),
            _different("category", "categories", columns),
            _different("brand", "brands", columns),
        )
    )


def _told(column: str, value: pl.Expr, columns: list[str]) -> pl.Expr:
    return value if column in columns else pl.lit(None, pl.Float64)


def _different(column: str, name: str, columns: list[str]) -> pl.Expr:
    if column not in columns:
        return pl.lit(None, pl.Int64).alias(name)
    return pl.col(column).drop_nulls().n_unique().cast(pl.Int64).alias(name)
