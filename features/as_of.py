"""The as-of date: its default, and the refusal of dates that make no sense."""

from datetime import date, timedelta

import polars as pl

from features.tables.schema import Tables
from settings.errors import UserError


class AsOfDateError(UserError):  # noqa: N818  # it names what happened, as the documentation does
    """The as-of date lies after today or before the first order."""


def order_days(tables: Tables) -> tuple[date, date]:
    """Return the days of the first and the last usable order line."""
    moments = tables.transactions.select(
        pl.col("ordered_at").min().dt.date().alias("first"), pl.col("ordered_at").max().dt.date().alias("last")
    )
    first, last = moments.collect(engine="streaming").row(0)
    return first, last


def checked_as_of(tables: Tables, as_of: date | None, today: date) -> date:
    """Return `as_of`, or the day after the newest order where it is None; never later than today.

    Today itself is the latest: it sees every completed day. Raises AsOfRefused when the date is later, or
    when no order was made before it.
    """
    first, last = order_days(tables)
    chosen = min(last + timedelta(days=1), today) if as_of is None else as_of
    if chosen > today:
        raise AsOfDateError(f"The as-of date {chosen} is later than today, {today}; name an earlier one with --as-of.")
    if chosen <= first:
        raise AsOfDateError(f"No order was made before the as-of date {chosen}; the orders run from {first} to {last}.")
    return chosen
