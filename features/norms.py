"""What is usual for the company as a whole: references that some features compare a customer with.

They are computed from what was known before one date, handed to the features as an argument, and stored with the
champion, so that one customer's history is enough to score that customer.
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
    """Average days from opening to settling a complaint, and average unit price, in all and by topic or category.

    None, and no entry, where nothing told. `product_lines` are the sale lines of each product in the last 14 and 30 days
    before `known_before`, None without a product_id: `up_to_date` renews them, since they are of no use a month later.
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
        """Read what `to_json` gave."""
        lines = data["product_lines"]
        whole = None if lines is None else {int(days): of_days for days, of_days in lines.items()}
        return cls(**(data | {"known_before": date.fromisoformat(data["known_before"]), "product_lines": whole}))


def compute_norms(tables: Tables, as_of: date, everyone: Tables | None = None) -> Norms:
    """Return the norms of everything known before `as_of`, over all customers of `tables`.

    Where those are a part, `everyone` holds all customers, who tell what sold.
    """
    known = known_before(tables, as_of)
    sold = known if everyone is None else known_before(everyone, as_of)
    days, by_topic = _settling(known.complaints)
    price, by_category = _prices(known.transactions)
    return Norms(as_of, days, price, by_topic, by_category, _product_lines(sold.transactions, as_of))


def with_current_demand(norms: Norms, tables: Tables, as_of: date) -> Norms:
    """Return norms from before with the demand for products as of `as_of`, over all customers of `tables`."""
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
    found = recent.sort("product_id").collect(engine="streaming")
    return {days: dict(found.select("product_id", str(days)).filter(pl.col(str(days)) > 0).iter_rows()) for days in DEMAND_DAYS}


def _settling(complaints: pl.LazyFrame | None) -> tuple[float | None, dict[str, float]]:
    if complaints is None or "resolved_at" not in complaints.collect_schema():
        return None, {}
    took = (pl.col("resolved_at") - pl.col("opened_at")).dt.total_days().alias("value")
    return _averages(complaints.unique().with_columns(took), "topic")


def _prices(transactions: pl.LazyFrame) -> tuple[float | None, dict[str, float]]:
    columns = transactions.collect_schema().names()
    if "unit_price" not in columns:
        return None, {}
    lines = transactions.filter(is_sale_line(columns)).with_columns(pl.col("unit_price").alias("value"))
    return _averages(lines, "category")


def _averages(rows: pl.LazyFrame, by: str) -> tuple[float | None, dict[str, float]]:
    """The mean of `value` in all and by a column, which need not be there; a mean of zero is no norm."""
    word = pl.col(by).cast(pl.String) if by in rows.collect_schema() else pl.lit(None, pl.String)
    told = rows.select(word.alias("word"), "value").drop_nulls("value").group_by("word")
    groups = told.agg(pl.col("value").sum().alias("all"), pl.len().cast(pl.Int64).alias("count")).collect(engine="streaming")
    overall = groups.select(pl.col("all").sum() / pl.col("count").sum()).item() if groups.height else 0.0
    means = groups.drop_nulls("word").select("word", (pl.col("all") / pl.col("count")).round(DECIMALS)).sort("word")
    return round(overall, DECIMALS) or None, {word: mean for word, mean in means.iter_rows() if mean}


def norm_of_row(word: str, columns: list[str], by_word: dict[str, float], overall: float | None) -> pl.Expr:
    """The norm of each row: that of its word where there is one, else that of all; null where nothing told."""
    fallback = pl.lit(overall, pl.Float64)
    if word not in columns or not by_word:
        return fallback
    known = pl.col(word).cast(pl.String).replace_strict(by_word, default=None, return_dtype=pl.Float64)
    return pl.coalesce(known, fallback)
