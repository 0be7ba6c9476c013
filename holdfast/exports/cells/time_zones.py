"""The time zone of a shop, from the offsets of its times and from names that vendors write."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polars as pl

OFFSET = r"([+-]\d{2}):?(\d{2})\s*$"
# Common zones of shops, the most likely first among those that agree on an offset all year.
ZONES = (
    *("Europe/Berlin", "Europe/London", "America/New_York", "America/Los_Angeles", "America/Chicago", "America/Denver"),
    *("Europe/Athens", "Europe/Istanbul", "America/Sao_Paulo", "Asia/Tokyo", "Asia/Shanghai", "Asia/Kolkata", "Australia/Sydney"),
    *("Australia/Brisbane", "Australia/Perth", "Australia/Adelaide", "Pacific/Auckland", "Asia/Dubai", "Asia/Singapore"),
    *("America/Phoenix", "America/Halifax", "America/Anchorage", "Pacific/Honolulu", "America/Mexico_City", "America/Bogota"),
    *("Africa/Johannesburg", "Asia/Jerusalem", "Asia/Karachi", "Asia/Dhaka", "Asia/Bangkok"),
)
NAMES = {
    "Pacific Time (US & Canada)": "America/Los_Angeles",
    "Mountain Time (US & Canada)": "America/Denver",
    "Central Time (US & Canada)": "America/Chicago",
    "Eastern Time (US & Canada)": "America/New_York",
    "Arizona": "America/Phoenix",
    "Hawaii": "Pacific/Honolulu",
    "Alaska": "America/Anchorage",
    "Atlantic Time (Canada)": "America/Halifax",
    "London": "Europe/London",
    "Dublin": "Europe/Dublin",
    "Paris": "Europe/Paris",
    "Madrid": "Europe/Madrid",
    "Berlin": "Europe/Berlin",
    "Sydney": "Australia/Sydney",
    "Melbourne": "Australia/Melbourne",
    "Brisbane": "Australia/Brisbane",
    "Perth": "Australia/Perth",
    "Tokyo": "Asia/Tokyo",
}


def zone_of_offsets(cells: pl.Series) -> str | None:
    """Return a time zone whose offsets are those of the times in `cells`; None if none has an offset, or no common zone fits.

    Times that are all in UTC say nothing about the shop, so they give None.
    """
    offsets = cells.drop_nulls().str.strip_chars()
    parts = pl.DataFrame({"text": offsets}).with_columns(
        pl.col("text").str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).alias("day"),
        (pl.col("text").str.extract(OFFSET, 1) + pl.col("text").str.extract(OFFSET, 2)).alias("offset"),
    )
    days = parts.drop_nulls().unique(["day", "offset"]).select("day", "offset").rows()
    if not days or {offset for _, offset in days} <= {"+0000", "-0000"}:
        return None
    return next((zone for zone in ZONES if all(_has_offset(zone, day, offset) for day, offset in days)), None)


def _has_offset(zone: str, day: datetime, offset: str) -> bool:
    """Whether the zone has the offset at some hour of the day."""
    hours = (datetime(day.year, day.month, day.day, hour, tzinfo=UTC) for hour in (0, 23))
    return any(hour.astimezone(ZoneInfo(zone)).strftime("%z") == offset for hour in hours)


def zone_of_names(cells: pl.Series) -> str | None:
    """Return the time zone that a column names, in the vendor's words or as an IANA name; None if it names several or none."""
    names = cells.drop_nulls().str.strip_chars().unique().to_list()
    zone = NAMES.get(names[0], names[0]) if len(names) == 1 else None
    try:
        return None if zone is None else ZoneInfo(zone).key
    except (KeyError, ValueError, OSError):
        return None
