from datetime import date, timedelta

import polars as pl
import pytest

from expectations.check import Measure
from expectations.measures.amount_shift import amount_jump
from expectations.measures.completeness import last_day, missing_days

START = date(2025, 1, 6)  # a Monday


def days(counts: list[int], closed: int | None = None) -> pl.DataFrame:
    """One row per day with rows; `closed` is a weekday without any."""
    named = [(START + timedelta(days=number), rows) for number, rows in enumerate(counts)]
    kept = [(day, rows) for day, rows in named if rows and day.weekday() != closed]
    return pl.DataFrame(kept, schema={"day": pl.Date, "rows": pl.Int64}, orient="row")


def test_a_day_without_rows_is_missing_where_its_weekday_usually_has_some() -> None:
    counts = [20] * 84
    counts[30] = 0
    assert missing_days(days(counts)) == Measure(1, "2025-02-05")


def test_a_weekday_on_which_a_shop_is_closed_is_not_missing() -> None:
    assert missing_days(days([20] * 84, closed=6)).value == 0


def test_of_a_small_shop_no_day_is_missed() -> None:
    assert missing_days(days([3, 0, 5, 1] * 21)).value == 0


def test_only_the_newest_missing_days_are_named() -> None:
    counts = [20 if number % 10 else 0 for number in range(200)]
    found = missing_days(days(counts))
    assert found.value >= 10
    assert found.detail.startswith("the newest of them ")
    assert found.detail.count(",") == 4


def test_the_newest_day_is_held_against_its_weekday() -> None:
    found = last_day(days([10] * 56 + [4]))
    assert found is not None
    assert found.value == pytest.approx(0.4)
    assert last_day(days([10] * 20)) is None
    assert last_day(days([2] * 57)) is None


def test_a_jump_of_the_usual_amount_is_found_with_its_week() -> None:
    logs = [100 * 2.0 if number < 70 else 100 * 6.0 for number in range(100)]
    found = amount_jump(days([100] * 100).with_columns(positive=pl.lit(100), log_sum=pl.Series(logs)))
    assert found is not None
    assert found.value == pytest.approx(54.6, rel=1e-3)  # e ** (6 - 2)
    assert "2025-03-17" in found.detail


def test_a_few_weeks_or_few_orders_tell_no_jump() -> None:
    assert amount_jump(days([100] * 20).with_columns(positive=pl.lit(100), log_sum=pl.lit(100.0))) is None
    assert amount_jump(days([100] * 90).with_columns(positive=pl.lit(2), log_sum=pl.lit(2.0))) is None
