"""ISO weeks, written as 2026-W47, and the day from which a week's list is acted on."""

import re
from datetime import date, timedelta

from settings.errors import UserError

WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})")


class WeekError(UserError):
    """The text is not an ISO week."""


def week_of(day: date) -> str:
    """Return the ISO week of a day, as 2026-W47."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"


def monday_of(week: str) -> date:
    """Return the first day of an ISO week. Raises WeekError for other texts."""
    match = WEEK.fullmatch(week)
    try:
        year, number = (int(part) for part in match.groups()) if match else (0, 0)
        monday = date.fromisocalendar(year, number, 1)
        monday + timedelta(days=6)
    except (ValueError, OverflowError):
        raise WeekError(f"A week is written as 2026-W47, found {week!r}.") from None
    return monday


def sunday_of(week: str) -> date:
    """Return the last day of an ISO week. Raises WeekError for other texts."""
    return monday_of(week) + timedelta(days=6)


def list_start(week: str, data_as_of: date) -> date:
    """Return the day from which a list is acted on: its Monday, or the as-of date of its data if that is later."""
    return max(monday_of(week), data_as_of)


def days_since_start(week: str, data_as_of: date, today: date) -> int:
    """Return the days since a list has been acted on; 0 on its first day and before it."""
    return max((today - list_start(week, data_as_of)).days, 0)
