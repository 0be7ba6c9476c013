"""Norms: company-wide averages and product demand that some features compare a customer with.

Norms are computed from what was known before one date, passed to the features as an argument, and stored with the champion.
So one customer's history is enough to score that customer.
"""

from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Self

import polars as pl

from features.frames.purchases import is_sale_line
from features.point_in_time import known_before
from features.tables.schema import Tables

DECIMALS = 9
DEMAND_DAYS = (14, 30)


@dataclass(frozen=True)
class Norms:
    """Average days from opening to settling a complaint, and average unit price: overall, and by topic or category.

    An average without data is None overall, and missing by topic or category. `product_lines` counts the sale lines of each
    product in the last 14 and 30 days before `known_before`; None without a product_id. These counts are useless a month
    later, so `with_current_demand` replaces them.
    """

    known_before: date
    resolution_days: float | None = None
    unit_price: float | None = None
    topic_resolution_days: dict[str, float] = field(default_factory=dict)
    category_unit_price: dict[str, float] = field(default_factory=dict)
    product_lines: dict[int, dict[str, int]] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain data for a JSON file."""
        return asdict(self) | {"known_before": self.known_before.isoformat()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Return the norms from the output of `to_json`."""
        lines = data["product_lines"]
        product_lines = None if lines is None else {int(days): counts for days, counts in lines.items()}
        return cls(**(data | {"known_before": date.fromisoformat(data["known_before"]), "product_lines": product_lines}))


def compute_norms(tables: Tables, as_of: date, all_customers: Tables | None = None) -> Norms:
    """Return the norms of everything known before `as_of`, over all customers of `tables`.

    Where `tables` hold only a part of the customers, product demand is counted over `all_customers`.
    """
    known = known_before(tables, as_of)
    demand = known if all_customers is None else known_before(all_customers, as_of)
    resolution_days, topic_resolution_days = _resolution_days(known.complaints)
    unit_price, category_unit_price = _unit_prices(known.transactions)
    return Norms(
        known_before=as_of,
        resolution_days=resolution_days,
        unit_price=unit_price,
        topic_resolution_days=topic_resolution_days,
        category_unit_price=category_unit_price,
        product_lines=_product_lines(demand.transactions, as_of),
    )


def with_current_demand(norms: Norms, tables: Tables, as_of: date) -> Norms:
    """Return `norms` with the product demand as of `as_of`, over all customers of `tables`."""
    return replace(norms, product_lines=_product_lines(known_before(tables, as_of).transactions, as_of))


def _product_lines(transactions: pl.LazyFrame, as_of: date) -> dict[int, dict[str, int]] | None:
    columns = transactions.collect_schema().names()
    if "product_id" not in columns:
        return None
    sales = transactions.filter(is_sale_line(columns)).drop_nulls("product_id")
    rows = sales.select(pl.col("product_id").cast(pl.String), pl.col("ordered_at").dt.date().alias("day"))
    since = {days: as_of - timedelta(days=days) for days in DEMAND_DAYS}
    counts = [(pl.col("day") >= start).sum().cast(pl.Int64).alias(str(days)) for days, start in since.items()]
    recent = rows.filter(pl.col("day") >= min(since.values())).group_by("product_id").agg(*counts)
    lines = recent.sort("product_id").collect(engine="streaming")
    return {days: dict(lines.select("product_id", str(days)).filter(pl.col(str(days)) > 0).iter_rows()) for days in DEMAND_DAYS}


def _resolution_days(complaints: pl.LazyFrame | None) -> tuple[float | None, dict[str, float]]:
    if complaints is None or "resolved_at" not in complaints.collect_schema():
        return None, {}
    days = (pl.col("resolved_at") - pl.col("opened_at")).dt.total_days().alias("value")
    return _averages(complaints.unique().with_columns(days), "topic")


def _unit_prices(transactions: pl.LazyFrame) -> tuple[float | None, dict[str, float]]:
    columns = transactions.collect_schema().names()
    if "unit_price" not in columns:
        return None, {}
    lines = transactions.filter(is_sale_line(columns)).with_columns(pl.col("unit_price").alias("value"))
    return _averages(lines, "category")


def _averages(rows: pl.LazyFrame, by: str) -> tuple[float | None, dict[str, float]]:
    """Return the mean of `value` overall and by the words of column `by`, which may be absent; a mean of zero is no norm."""
    word = pl.col(by).cast(pl.String) if by in rows.collect_schema() else pl.lit(None, pl.String)
    values = rows.select(word.alias("word"), "value").drop_nulls("value").group_by("word")
    sums = values.agg(pl.col("value").sum().alias("sum"), pl.len().cast(pl.Int64).alias("count")).collect(engine="streaming")
    overall = sums.select(pl.col("sum").sum() / pl.col("count").sum()).item() if sums.height else 0.0
    means = sums.drop_nulls("word").select("word", (pl.col("sum") / pl.col("count")).round(DECIMALS)).sort("word")
    return round(overall, DECIMALS) or None, {word: mean for word, mean in means.iter_rows() if mean}


def row_norm(column: str, columns: list[str], norm_by_word: dict[str, float], overall: float | None) -> pl.Expr:
    """Return the norm of each row: that of its word in `column`, else the overall one; null where there is neither.

    `columns` are those of the table; without `column` among them every row has the overall norm.
    """
    fallback = pl.lit(overall, pl.Float64)
    if column not in columns or not norm_by_word:
        return fallback
    own = pl.col(column).cast(pl.String).replace_strict(norm_by_word, default=None, return_dtype=pl.Float64)
    return pl.coalesce(own, fallback)
