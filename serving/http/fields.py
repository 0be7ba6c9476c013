"""Field types that requests share."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator, Field

from settings.clock import utc_now

MAX_ID_LENGTH = 256
NO_CONTROL_CHARS = r"^[^\x00-\x1f\x7f]+$"
NO_CONTROL_CHARS_OR_EMPTY = r"^[^\x00-\x1f\x7f]*$"
MIN_TIME, MAX_TIME = datetime(1900, 1, 1), datetime(2200, 1, 1)  # noqa: DTZ001  # the tables hold UTC without a zone
MAX_AHEAD = timedelta(days=1)


def _to_utc(moment: datetime) -> datetime:
    """Return a time in UTC without a zone, as the tables hold it; one without a zone is taken as UTC."""
    utc = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    if not MIN_TIME <= utc < MAX_TIME:
        raise ValueError(f"A time must lie between {MIN_TIME.year} and {MAX_TIME.year}")
    return utc


def _happened(moment: datetime) -> datetime:
    """Return the time of an event as it is. Clocks and zones differ, so it may lie up to a day ahead."""
    if _to_utc(moment) > utc_now() + MAX_AHEAD:
        raise ValueError("An event must not lie in the future")
    return moment


Id = Annotated[str, Field(strict=True, min_length=1, max_length=MAX_ID_LENGTH, pattern=NO_CONTROL_CHARS)]
FilterValue = Annotated[str | None, Query(max_length=100, pattern=NO_CONTROL_CHARS_OR_EMPTY)]
Text = Annotated[str, Field(strict=True, max_length=10_000)]
EventTime = Annotated[
    datetime, AfterValidator(_happened), Field(description="In the time zone of the shop if it names none; not in the future")
]
