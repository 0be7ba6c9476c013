"""Orders that come again, in another file or load: as they were, or changed. Without a key, all their versions are added up."""

from dataclasses import replace

import polars as pl

from expectations.check import Measure
from features.cancelled_orders import is_return_line
from features.tables.schema import INGESTED_AT
from features.tables.sources import SOURCE

ORDER = ["customer_id", "order_id"]
CONTENT, MONEY, TOTAL, KINDS, VERSIONS = "content", "money", "total", "kinds", "versions"
KEY_ADVICE = 'key = ["order_id"] in the source of the table lets the newest version count'


def order_versions(kept: pl.LazyFrame, names: list[str], files: int) -> pl.LazyFrame | None:
    """Return one row: orders that come again changed and unchanged, and the amounts that come again with each.

    A version is what one file or one `ingested_at` has of an order. Only sale lines count, since returns of an order often come
    later. None where there is only one version: a single file without `ingested_at`, or no order_id.
    """
    if "order_id" not in names or "amount" not in names or (files == 1 and INGESTED_AT.name not in names):
        return None
    version = [SOURCE, INGESTED_AT.name] if INGESTED_AT.name in names else [SOURCE]
    content = pl.struct(name for name in names if name != INGESTED_AT.name).hash().sum().alias(CONTENT)
    sales = kept.filter(~is_return_line(names)).group_by(*ORDER, *version)
    versions = sales.agg(content, pl.col("amount").sum().alias(MONEY)).sort(version, nulls_last=False, maintain_order=True)
    orders = versions.group_by(ORDER, maintain_order=True).agg(
        pl.len().alias(VERSIONS),
        pl.col(CONTENT).n_unique().alias(KINDS),
        (pl.col(MONEY).sum() - pl.col(MONEY).last()).alias(TOTAL),
    )
    again, is_changed = pl.col(VERSIONS) > 1, pl.col(KINDS) > 1
    return orders.select(
        (again & is_changed).sum().alias("changed"),
        (again & ~is_changed).sum().alias("unchanged"),
        pl.when(again & is_changed).then(TOTAL).sum().alias("changed_money"),
        pl.when(again & ~is_changed).then(TOTAL).sum().alias("unchanged_money"),
    )


def version_measures(counts: dict[str, float] | None, overlap: Measure) -> dict[str, Measure]:
    """Return the measures of orders that come again; empty where no order can.

    Where rows are in two files (`overlap`), that measure says what repeated orders add, and they are no measure of their own.
    """
    if counts is None:
        return {}
    changed, repeated = (
        Measure(counts[name], _detail(counts[f"{name}_money"]) if counts[name] else "") for name in ("changed", "unchanged")
    )
    again = {"overlap": replace(overlap, detail=repeated.detail)} if overlap.value else {"repeated_orders": repeated}
    return {"changed_orders": changed} | again


def _detail(money: float) -> str:
    return f"their other versions add {money:,.2f}; {KEY_ADVICE}"
