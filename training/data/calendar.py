"""What the calendar says about the level of a window: events known in advance, and the end of the Christmas season.

The first year of a log has no season of its own. In the logs of docs/benchmarks.md, customers who ordered more than predicted
before Christmas ordered less in the ninety days after it, by about half as much or more; shops without such a surge had no slump.
"""

from datetime import date, timedelta
from functools import cache
from math import log

import holidays

from models.btyd.seasonal_level import SeasonalOffset
from settings.errors import UserError
from settings.sections import Calendar, Event


class CountryError(UserError):
    """The configured country is not known."""


SURGE_DAYS = 90  # before the day, over which a surge is measured, and after it, over which it reverses
REVERSAL_SHARE = 0.5
CHRISTMAS, LAST_DAY_AFTER = (12, 25), (1, 31)


def event_offset(events: tuple[Event, ...], day: date, horizon_days: int) -> SeasonalOffset:
    """Return the offset of events that overlap [day, day + horizon): the logarithm of their mean effect on orders.

    Where events overlap each other, their effects multiply.
    """
    effects = [_effect(events, day + timedelta(days=ahead)) for ahead in range(horizon_days)]
    change = log(sum(effects) / horizon_days)
    return SeasonalOffset(churn=-change, value=change)


def _effect(events: tuple[Event, ...], day: date) -> float:
    effect = 1.0
    for event in events:
        if _holds(event, day):
            effect *= event.orders
    return effect


def _holds(event: Event, day: date) -> bool:
    """Whether an event is on; a yearly one recurs from its first year on, over the turn of a year too."""
    if not event.yearly:
        return event.first <= day <= event.last
    days = (event.last - event.first).days
    starts = (_in_year(event.first, year) for year in (day.year, day.year - 1) if year >= event.first.year)
    return any(0 <= (day - start).days <= days for start in starts)


def _in_year(day: date, year: int) -> date:
    return date(year, 2, 28) if (day.month, day.day) == (2, 29) else day.replace(year=year)


def follows_christmas(calendar: Calendar, day: date) -> bool:
    """Return whether a day is between Christmas and the end of January, in a country with Christmas Day as a public holiday."""
    if calendar.country is None:
        return False
    has_season = has_christmas(calendar.country, day.year if day.month == CHRISTMAS[0] else day.year - 1)
    return has_season and ((day.month, day.day) > CHRISTMAS or (day.month, day.day) <= LAST_DAY_AFTER)


@cache
def has_christmas(country: str, year: int) -> bool:
    """Return whether 25 December of a year is a public holiday in a country, named by its code as in ISO 3166.

    Raises CountryError for an unknown code.
    """
    try:
        return date(year, *CHRISTMAS) in holidays.country_holidays(country, years=year)
    except NotImplementedError:
        raise CountryError(f"calendar.country should be the ISO 3166 code of a country, found {country!r}.") from None


def reversal(surge: SeasonalOffset, horizon_days: int) -> SeasonalOffset:
    """Return the offset expected after a surge before Christmas: half of it with the sign reversed; nothing after a slump."""
    share = REVERSAL_SHARE * min(1.0, SURGE_DAYS / horizon_days)
    return SeasonalOffset(churn=share * max(-surge.churn, 0.0), value=-share * max(surge.value, 0.0))
