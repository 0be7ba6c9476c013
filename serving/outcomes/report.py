"""Measure what the lists earned, and store it for the pages."""

from datetime import date, datetime

import polars as pl
import sqlalchemy as sa

from serving.outcomes.measure import GroupOutcome, measure_groups
from serving.outcomes.rows import issued_rows, unit_members, with_outcomes
from serving.store.reports import save_report
from serving.store.units import current_units
from settings.errors import UserError

REPORT = "outcomes"


class NoListsError(UserError):
    """There is no issued list whose outcomes could be measured."""


def measure_outcomes(engine: sa.Engine, transactions: pl.LazyFrame, until: date, margin: float) -> list[GroupOutcome]:
    """Return what all issued lists earned before `until` (exclusive). Raises NoListsError if no list started before it."""
    units = current_units(engine)
    rows = issued_rows(engine, units).filter(pl.col("start") < until)
    if rows.is_empty():
        raise NoListsError(
            f"No list was issued before {until}, the day until which orders are known; issue one with `list`, "
            "and measure it after newer orders are loaded."
        )
    return measure_groups(with_outcomes(rows, transactions, until, margin, unit_members(rows, units)))


def save_outcomes(engine: sa.Engine, outcomes: list[GroupOutcome], until: date, now: datetime) -> None:
    """Store the figures for the page of outcomes."""
    save_report(engine, REPORT, {"until": str(until), "earned": [outcome.as_dict() for outcome in outcomes]}, now)
