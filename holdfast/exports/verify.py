"""Read an export with its proposed configuration: how many rows can be used, and what they add up to."""

import tempfile
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import polars as pl

from expectations.validation.report import TableReport
from expectations.validation.tables import check_tables, good_tables
from settings.sections import Settings


@dataclass(frozen=True)
class Totals:
    """The reports of all tables; what the good orders add up to, None where there are none."""

    reports: list[TableReport]
    customers: int = 0
    orders: int = 0
    amount: float = 0.0
    typical_order: float = 0.0
    first_day: date | None = None
    last_day: date | None = None


def verify(settings: Settings, now: datetime) -> Totals:
    """Check all tables in a temporary workspace, so that the real one stays as it is, and return the totals."""
    with tempfile.TemporaryDirectory() as folder:
        temporary = replace(settings, workspace=replace(settings.workspace, path=Path(folder)))
        reports = check_tables(temporary, now)
        if not all(report.usable for report in reports if report.table == "transactions"):
            return Totals(reports)
        lines = good_tables(temporary, ["transactions"]).transactions
        orders = (
            lines.group_by("order_id")
            .agg(pl.col("amount").sum())
            .select(pl.len(), pl.col("amount").median().alias("typical"))
            .collect()
        )
        totals = lines.select(
            pl.col("customer_id").n_unique(),
            pl.col("amount").sum(),
            pl.col("ordered_at").min().dt.date().alias("first"),
            pl.col("ordered_at").max().dt.date().alias("last"),
        ).collect()
    [(customers, amount, first, last)] = totals.rows()
    return Totals(reports, customers, orders["len"][0], amount, max(orders["typical"][0] or 0.0, 0.0), first, last)
