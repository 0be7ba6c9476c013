"""The one clock: the current time in UTC, without a time zone, as tables and the store hold it."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the current time in UTC, without a time zone."""
    return datetime.now(UTC).replace(tzinfo=None)
