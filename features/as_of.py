"""The as-of date: its default, and the refusal of impossible dates."""

from datetime import date, timedelta

import polars as pl

from features.order_rhythm import OrderRhythm
from features.tables.schema import Tables
from settings.errors import UserError


class AsOfDateError(UserError):
    """The as-of date is after today, or not after the first order."""


def order_date_range(tables: Tables) -> tuple[date, date]:
    """Return the days of the first and the last usable order line."""
    range_query = tables.transactions.select(
        pl.col("ordered_at").min().dt.date().alias("first"), pl.col("ordered_at").max().dt.date().alias("last")
    )
    first, last = range_query.collect(engine="streaming").row(0)
    return first, last


def resolve_as_of(rhythm: OrderRhythm, as_of: date | None, today: date) -> date:
    """Return `as_of`, or by default the day after the newest regular day with orders; never later than today.

    A few orders dated long after the others (`OrderRhythm`) do not move the default. `today` is allowed: it sees every completed
    day. Raises AsOfDateError when the date is later than `today`, or when there is no order before it.
    """
    resolved = min(rhythm.last_regular + timedelta(days=1), today) if as_of is None else as_of
    if resolved > today:
        raise AsOfDateError(f"The as-of date {resolved} is later than today, {today}; name an earlier one with --as-of.")
    if resolved <= rhythm.first:
        raise AsOfDateError(
            f"No order was made before the as-of date {resolved}; the orders run from {rhythm.first} to {rhythm.last}."
        )
    return resolved
