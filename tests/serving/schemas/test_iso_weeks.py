"""ISO weeks at the turn of the year, and texts that are none."""

from datetime import date

import pytest

from serving.schemas.iso_weeks import WeekError, days_since_start, list_start, monday_of, sunday_of, week_of


@pytest.mark.parametrize(
    ("day", "week"),
    [
        (date(2020, 12, 27), "2020-W52"),
        (date(2020, 12, 28), "2020-W53"),
        (date(2021, 1, 3), "2020-W53"),
        (date(2021, 1, 4), "2021-W01"),
        (date(2024, 12, 29), "2024-W52"),
        (date(2024, 12, 30), "2025-W01"),
        (date(2026, 12, 31), "2026-W53"),
        (date(2027, 1, 3), "2026-W53"),
    ],
)
def test_days_at_the_turn_of_the_year_belong_to_the_iso_week(day: date, week: str) -> None:
    assert week_of(day) == week
    assert monday_of(week) <= day <= sunday_of(week)
    assert (day - monday_of(week)).days == day.weekday()


def test_a_list_of_the_53rd_week_starts_in_december_and_counts_on_in_january() -> None:
    assert list_start("2020-W53", date(2020, 12, 27)) == date(2020, 12, 28)
    assert days_since_start("2020-W53", date(2020, 12, 27), date(2021, 1, 4)) == 7
    assert list_start("2025-W01", date(2024, 12, 31)) == date(2024, 12, 31)


@pytest.mark.parametrize(
    "text", ["2021-W53", "2026-W00", "2026-W54", "2026-47", "２０２６-W47", "2026-W４７", "٢٠٢٦-W47", "", "2026-W47 "]
)
def test_other_texts_are_no_weeks(text: str) -> None:
    with pytest.raises(WeekError, match="A week is written as 2026-W47"):
        monday_of(text)
