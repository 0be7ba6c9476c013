"""ISO weeks, written as 2026-W47, and from which day on a week's list is acted on."""

import re
from datetime import date, timedelta

from settings.errors import UserError

WEEK = re.compile(r"(\d{4})-W(\d{2})")


class WeekError(UserError):  # noqa: N818  # it names what happened, as the documentation does
    """What should be an ISO week is none."""


def week_of(day: date) -> str:
    """Return the ISO week of a day, as 2026-W47."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"


def monday_of(week: str) -> date:
    """Return the first day of an ISO week, written as 2026-W47. Raises WeekRefused for anything else."""
    found = WEEK.fullmatch(week)
    try:
        year, number = (int(part) for part in found.groups()) if found else (0, 0)
        monday = date.fromisocalendar(year, number, 1)
        monday + timedelta(days=6)
    except (ValueError, OverflowError):
        raise WeekError(f"A week is written as 2026-W47, found {week!r}.") from None
    return monday


def sunday_of(week: str) -> date:
    """Return the last day of an ISO week. Raises WeekRefused for what is none."""
    return monday_of(week) + timedelta(days=6)


def acted_on(week: str, data_as_of: date) -> date:
    """Return the day from which on a list is acted on: its Monday, or that of its data where this is later."""
    return max(monday_of(week), data_as_of)
