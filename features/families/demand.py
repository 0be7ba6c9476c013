"""Whether the products that a customer buys are in demand now: how often others bought them recently.

How often a product sold is a company-wide norm (`features/norms.py`), dated by the as-of date.
"""

from datetime import date, timedelta

import polars as pl

from features.families.feature import Feature
from features.frames.columns import CUSTOMER, DAY
from features.frames.modes import vocabulary
from features.frames.purchases import is_sale_line, total
from features.frames.sorted_runs import pack_keys
from features.norms import DEMAND_DAYS, Norms

FAMILY = "demand"
MONTH_DAYS = 30
NO_PRODUCT = "no purchase of a product yet, or the table has no product_id"
PRODUCT_SETS = {"": "all products bought so far", "last_": "the products of the last purchase"}
FEATURES = tuple(
    Feature(
        f"demand_{prefix}{days}",
        "log lines",
        f"Mean of ln(1 + lines) over {products}; lines: sale lines of other customers in the last {days} days, per 30 days",
        NO_PRODUCT,
    )
    for days in DEMAND_DAYS
    for prefix, products in PRODUCT_SETS.items()
)


def demand(transactions: pl.LazyFrame, as_of: date, norms: Norms) -> pl.LazyFrame | None:
    """Return demand per customer who bought a product; None without a product_id column or without norms for products.

    `transactions` are those of EncodedTables, known before `as_of`. The customer's own lines do not count as demand.
    """
    columns = transactions.collect_schema().names()
    if "product_id" not in columns or norms.product_lines is None:
        return None
    line_counts = _line_counts(vocabulary(transactions, "product_id"), norms.product_lines)
    day, code = pl.col("ordered_at").dt.date(), pl.col("product_id").to_physical()
    lines = transactions.filter(is_sale_line(columns)).drop_nulls("product_id")
    rows = lines.select(CUSTOMER, day.alias(DAY), pack_keys(CUSTOMER, "product_id").alias("pair"), code.alias("product"))
    with_own_counts = rows.join(_own_counts(rows, as_of), on="pair", how="left")
    newest = pl.col(DAY) == pl.col(DAY).max()
    return (
        with_own_counts.select(CUSTOMER, DAY, *(_log_demand(days, line_counts[days]) for days in DEMAND_DAYS))
        .group_by(CUSTOMER)
        .agg(
            *(_mean(pl.col(f"others_{days}")).alias(f"demand_{days}") for days in DEMAND_DAYS),
            *(_mean(pl.col(f"others_{days}").filter(newest)).alias(f"demand_last_{days}") for days in DEMAND_DAYS),
        )
    )


def _line_counts(words: pl.Series, product_lines: dict[int, dict[str, int]]) -> dict[int, pl.Series]:
    """Return the sale lines of each product of the vocabulary, in its order, by number of days; 0 where it did not sell."""
    names, zeros = words.cast(pl.String), pl.zeros(len(words), pl.Int64, eager=True)
    counts = {
        days: names.replace_strict(lines, default=0, return_dtype=pl.Int64) for days, lines in product_lines.items() if lines
    }
    return dict.fromkeys(DEMAND_DAYS, zeros) | counts


def _own_counts(rows: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    recent = rows.filter(pl.col(DAY) >= as_of - timedelta(days=max(DEMAND_DAYS)))
    counts = ((pl.col(DAY) >= as_of - timedelta(days=days)).sum().cast(pl.Int64).alias(f"own_{days}") for days in DEMAND_DAYS)
    return recent.group_by("pair").agg(*counts)


def _log_demand(days: int, line_counts: pl.Series) -> pl.Expr:
    others = pl.lit(line_counts).gather(pl.col("product")) - pl.col(f"own_{days}").fill_null(0)
    return (others.clip(lower_bound=0) * (MONTH_DAYS / days)).log1p().alias(f"others_{days}")


def _mean(values: pl.Expr) -> pl.Expr:
    return total(values) / values.count()
