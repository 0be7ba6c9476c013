from datetime import date
from math import log

import pytest

from models.btyd.seasonal_level import SeasonalOffset
from settings.sections import Calendar, Event
from training.data.calendar import CountryError, event_offset, follows_christmas, reversal

SALE = Event("sale", date(2026, 3, 1), date(2026, 3, 10), orders=3.0)


def test_an_event_moves_the_level_by_its_mean_effect_over_the_window() -> None:
    offset = event_offset((SALE,), date(2026, 2, 20), 30)
    assert offset.value == pytest.approx(log((10 * 3 + 20) / 30))
    assert offset.churn == -offset.value
    assert event_offset((SALE,), date(2026, 3, 10), 1).value == pytest.approx(log(3))
    assert event_offset((SALE,), date(2026, 3, 11), 90) == SeasonalOffset(churn=0.0, value=0.0)
    assert event_offset((), date(2026, 3, 1), 90).value == 0


def test_effects_of_overlapping_events_multiply() -> None:
    closed = Event("closed", date(2026, 3, 1), date(2026, 3, 5), orders=0.5)
    assert event_offset((SALE, closed), date(2026, 3, 1), 5).value == pytest.approx(log(1.5))


@pytest.mark.parametrize(
    ("day", "is_on"),
    [
        (date(2024, 12, 28), False),
        (date(2025, 12, 28), True),
        (date(2026, 1, 3), True),
        (date(2027, 1, 4), False),
        (date(2028, 12, 27), True),
    ],
)
def test_a_yearly_event_recurs_over_the_turn_of_a_year_from_its_first_year_on(day: date, *, is_on: bool) -> None:
    winter = Event("winter sale", date(2025, 12, 27), date(2026, 1, 3), orders=2.0, yearly=True)
    assert (event_offset((winter,), day, 1).value > 0) == is_on


@pytest.mark.parametrize(
    ("country", "day", "follows"),
    [
        ("GB", date(2026, 12, 25), False),
        ("GB", date(2026, 12, 26), True),
        ("GB", date(2027, 1, 31), True),
        ("GB", date(2027, 2, 1), False),
        ("JP", date(2027, 1, 5), False),
        (None, date(2027, 1, 5), False),
    ],
)
def test_the_christmas_season_ends_where_christmas_day_is_a_public_holiday(
    country: str | None, day: date, *, follows: bool
) -> None:
    assert follows_christmas(Calendar(country=country), day) == follows


def test_an_unknown_country_is_refused() -> None:
    with pytest.raises(CountryError, match=r"calendar\.country should be the ISO 3166 code of a country, found 'XQ'"):
        follows_christmas(Calendar(country="XQ"), date(2026, 6, 1))


def test_half_of_a_surge_reverses_and_a_slump_does_not() -> None:
    assert reversal(SeasonalOffset(-0.8, 0.6), 90) == SeasonalOffset(0.4, -0.3)
    assert reversal(SeasonalOffset(-0.8, 0.6), 180) == SeasonalOffset(0.2, -0.15)
    assert reversal(SeasonalOffset(0.3, -0.2), 90) == SeasonalOffset(0.0, 0.0)
