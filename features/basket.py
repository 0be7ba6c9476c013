"""How broadly the customer buys."""

import polars as pl

from features.feature import Feature
from features.purchases import CUSTOMER, is_sale_line

FAMILY = "basket"
FEATURES = (
    Feature("lines_per_order", "lines", "Sale lines per day with a purchase"),
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
            _different("product_id", "products", columns),
            _different("category", "categories", columns),
            _different("brand", "brands", columns),
        )
    )


def _different(column: str, name: str, columns: list[str]) -> pl.Expr:
    if column not in columns:
        return pl.lit(None, pl.Int64).alias(name)
    return pl.col(column).drop_nulls().n_unique().cast(pl.Int64).alias(name)
