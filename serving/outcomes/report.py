"""Measure what the lists earned, and keep it for the pages."""

from datetime import date, datetime

import polars as pl
import sqlalchemy as sa

from serving.outcomes.measure import Earned, earned
from serving.outcomes.rows import issued_rows, with_outcomes
from serving.store.reports import save_report
from settings.errors import UserError

REPORT = "outcomes"


class NoListsError(UserError):  # noqa: N818  # it names what is missing, as the documentation does
    """There is no issued list of which anything could be measured."""


def measure_outcomes(engine: sa.Engine, transactions: pl.LazyFrame, until: date, margin: float) -> list[Earned]:
    """Return what all issued lists earned up to `until` (exclusive). Raises NoLists where no list has begun before it."""
    rows = issued_rows(engine).filter(pl.col("start") < until)
    if rows.is_empty():
        raise NoListsError(f"No list was issued before {until}, up to where orders are known; issue one with `list`, and wait.")
    return earned(with_outcomes(rows, transactions, until, margin))


def keep_outcomes(engine: sa.Engine, found: list[Earned], until: date, now: datetime) -> None:
    """Keep the figures for the page of outcomes."""
    save_report(engine, REPORT, {"until": str(until), "earned": [each.as_dict() for each in found]}, now)
