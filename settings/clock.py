"""The one clock: the current time in UTC, without a time zone, as the store holds it, and in the time zone of the shop."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def utc_now() -> datetime:
    """Return the current time in UTC, without a time zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def to_shop_time(moment: datetime, time_zone: str) -> datetime:
    """Return a moment in the time zone of the shop, without a zone, as tables hold it; without a zone it is in UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(ZoneInfo(time_zone)).replace(tzinfo=None)


def shop_today(time_zone: str) -> date:
    """Return the current day in the time zone of the shop."""
    return to_shop_time(utc_now(), time_zone).date()
