"""Whether what a customer buys sells now: how often others bought the same products lately.

How often a product sold is a reference for the whole company (`features/norms.py`), dated by the as-of date.
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
MONTH = 30
NULL = "no purchase of a product yet, or the table has no product_id"
WHOSE = {"": "the products bought so far", "last_": "the products of the last purchase"}
FEATURES = tuple(
    Feature(
        f"demand_{whose}{days}",
        "log lines",
        f"Sale lines of others in the last {days} days per month, of {words}, on average of ln(1 + lines)",
        NULL,
    )
    for days in DEMAND_DAYS
    for whose, words in WHOSE.items()
)


def demand(transactions: pl.LazyFrame, as_of: date, norms: Norms) -> pl.LazyFrame | None:
    """Return the columns per customer who bought a product; None where there is no product_id, or no norm.

    `transactions` are those of a History, known before `as_of`. The customer's own lines do not count as demand.
    """
    columns = transactions.collect_schema().names()
    if "product_id" not in columns or norms.product_lines is None:
        return None
    sold = _sold(vocabulary(transactions, "product_id"), norms.product_lines)
    day, place = pl.col("ordered_at").dt.date(), pl.col("product_id").to_physical()
    lines = transactions.filter(is_sale_line(columns)).drop_nulls("product_id")
    rows = lines.select(CUSTOMER, day.alias(DAY), pack_keys(CUSTOMER, "product_id").alias("pair"), place.alias("product"))
    found = rows.join(_own(rows, as_of), on="pair", how="left")
    of_others = [_of_others(days, sold[days]) for days in DEMAND_DAYS]
    newest = pl.col(DAY) == pl.col(DAY).max()
    return (
        found.select(CUSTOMER, DAY, *of_others)
        .group_by(CUSTOMER)
        .agg(
            *(_mean(pl.col(f"others_{days}")).alias(f"demand_{days}") for days in DEMAND_DAYS),
            *(_mean(pl.col(f"others_{days}").filter(newest)).alias(f"demand_last_{days}") for days in DEMAND_DAYS),
        )
    )


def _sold(words: pl.Series, product_lines: dict[int, dict[str, int]]) -> dict[int, pl.Series]:
    """Lines of each word of the vocabulary, in its order; 0 where it did not sell."""
    names, none = words.cast(pl.String), pl.zeros(len(words), pl.Int64, eager=True)
    told = {days: lines for days, lines in product_lines.items() if lines}
    return dict.fromkeys(DEMAND_DAYS, none) | {
        days: names.replace_strict(lines, default=0, return_dtype=pl.Int64) for days, lines in told.items()
    }


def _own(rows: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    recent = rows.filter(pl.col(DAY) >= as_of - timedelta(days=max(DEMAND_DAYS)))
    counts = ((pl.col(DAY) >= as_of - timedelta(days=days)).sum().cast(pl.Int64).alias(f"own_{days}") for days in DEMAND_DAYS)
    return recent.group_by("pair").agg(*counts)


def _of_others(days: int, sold: pl.Series) -> pl.Expr:
    others = pl.lit(sold).gather(pl.col("product")) - pl.col(f"own_{days}").fill_null(0)
    return (others.clip(lower_bound=0) * (MONTH / days)).log1p().alias(f"others_{days}")


def _mean(values: pl.Expr) -> pl.Expr:
    return total(values) / values.count()
