"""The kinds of fields that requests and answers share."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator, Field

MAX_ID_LENGTH = 256
NO_CONTROL = r"^[^\x00-\x1f\x7f]+$"
NO_CONTROL_OR_EMPTY = r"^[^\x00-\x1f\x7f]*$"
EARLIEST, LATEST = datetime(1900, 1, 1), datetime(2200, 1, 1)  # noqa: DTZ001  # the tables hold UTC without a zone


def _utc(moment: datetime) -> datetime:
    """Without a zone, in UTC, as the tables hold moments."""
    plain = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    if not EARLIEST <= plain < LATEST:
        raise ValueError(f"A time should lie between {EARLIEST.year} and {LATEST.year}")
    return plain


Id = Annotated[str, Field(strict=True, min_length=1, max_length=MAX_ID_LENGTH, pattern=NO_CONTROL)]
Word = Annotated[str | None, Query(max_length=100, pattern=NO_CONTROL_OR_EMPTY)]
Text = Annotated[str, Field(strict=True, max_length=10_000)]
Moment = Annotated[datetime, AfterValidator(_utc)]
