from datetime import date, timedelta

import polars as pl
import pytest

from expectations.check import Measure
from expectations.measures.amount_shift import amount_jump
from expectations.measures.completeness import last_day, missing_days

START = date(2025, 1, 6)  # a Monday


def days(counts: list[int], closed_weekday: int | None = None) -> pl.DataFrame:
    """One row per day that has rows; a closed weekday has none."""
    dated = [(START + timedelta(days=number), rows) for number, rows in enumerate(counts)]
    open_days = [(day, rows) for day, rows in dated if rows and day.weekday() != closed_weekday]
    return pl.DataFrame(open_days, schema={"day": pl.Date, "rows": pl.Int64}, orient="row")


def test_a_day_without_rows_is_missing_if_its_weekday_usually_has_some() -> None:
    counts = [20] * 84
    counts[30] = 0
    assert missing_days(days(counts)) == Measure(1, "2025-02-05")


def test_a_weekday_on_which_the_shop_is_closed_is_not_missing() -> None:
    assert missing_days(days([20] * 84, closed_weekday=6)).value == 0


def test_a_small_shop_has_no_missing_days() -> None:
    assert missing_days(days([3, 0, 5, 1] * 21)).value == 0


def test_only_the_newest_missing_days_are_listed() -> None:
    counts = [20 if number % 10 else 0 for number in range(200)]
    measure = missing_days(days(counts))
    assert measure.value >= 10
    assert measure.detail.startswith("the newest of them ")
    assert measure.detail.count(",") == 4


def test_the_newest_day_is_compared_with_its_weekday() -> None:
    measure = last_day(days([10] * 56 + [4]))
    assert measure is not None
    assert measure.value == pytest.approx(0.4)
    assert last_day(days([10] * 20)) is None
    assert last_day(days([2] * 57)) is None


def test_a_jump_of_the_typical_amount_names_its_week() -> None:
    logs = [100 * 2.0 if number < 70 else 100 * 6.0 for number in range(100)]
    measure = amount_jump(days([100] * 100).with_columns(positive=pl.lit(100), log_sum=pl.Series(logs)))
    assert measure is not None
    assert measure.value == pytest.approx(54.6, rel=1e-3)  # e ** (6 - 2)
    assert "2025-03-17" in measure.detail


def test_a_jump_needs_enough_weeks_and_orders() -> None:
    assert amount_jump(days([100] * 20).with_columns(positive=pl.lit(100), log_sum=pl.lit(100.0))) is None
    assert amount_jump(days([100] * 90).with_columns(positive=pl.lit(2), log_sum=pl.lit(2.0))) is None
