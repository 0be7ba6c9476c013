"""Completeness by day: days without rows that should have some, and a newest day that is only partly loaded."""

from datetime import date, timedelta

import polars as pl

from expectations.check import Measure
from features.order_rhythm import rhythm_of_days

LOOK_BACK = timedelta(days=365)
WEEKS_AROUND = 4
WEEKS_BEFORE = 8
MIN_WEEKS = 4
# With a mean of seven rows a day, a day is empty by chance with a probability of one in a thousand (Poisson).
MIN_TYPICAL_ROWS = 7
MAX_DAYS_SHOWN = 5


def missing_days(days: pl.DataFrame) -> Measure:
    """Count the empty days of the last year whose weekday typically has seven rows or more.

    `days` has one row per day with rows, ascending. Typical is the median of the same weekday in the four weeks before and
    after, so a weekday on which the shop is closed is not missing.
    """
    counts = _with_typical_rows(days)
    empty = counts.filter((pl.col("rows") == 0) & (pl.col("typical") >= MIN_TYPICAL_ROWS))["day"].to_list()
    return Measure(len(empty), _format_days(empty))


def last_day(days: pl.DataFrame) -> Measure | None:
    """Return the rows of the newest day as a share of the median of its weekday in the eight weeks before.

    Return None if there are fewer than four such weeks, or if that median is below seven rows.
    """
    newest = days["day"][-1]
    same_weekday = [newest - timedelta(weeks=weeks) for weeks in range(1, WEEKS_BEFORE + 1)]
    before = _with_empty_days(days).filter(pl.col("day").is_in(same_weekday))["rows"]
    typical = before.median()
    if before.len() < MIN_WEEKS or not isinstance(typical, float) or typical < MIN_TYPICAL_ROWS:
        return None
    rows = days["rows"][-1]
    return Measure(rows / typical, f"{newest} has {rows:,} rows; its weekday typically has {typical:,.0f}")


def stray_orders(days: pl.DataFrame) -> Measure:
    """Return the days between the newest order and the newest one in line with the rhythm of the others; 0 where that is it."""
    rhythm = rhythm_of_days(days.select("day", pl.col("rows").alias("lines")))
    if not rhythm.irregular_lines:
        return Measure(0)
    rows = "1 row" if rhythm.irregular_lines == 1 else f"{rhythm.irregular_lines:,} rows"
    usual = f"orders usually follow each other within {rhythm.allowed_gap} days"
    as_of = f"the as-of date stays {rhythm.last_regular + timedelta(days=1)} unless --as-of names another"
    return Measure((rhythm.last - rhythm.last_regular).days, f"{rows} after {rhythm.last_regular}; {usual}; {as_of}")


def _with_typical_rows(days: pl.DataFrame) -> pl.DataFrame:
    """Return the days of the last year with the median of the same weekday in the weeks around, the day itself left out."""
    shifts = [pl.col("rows").shift(7 * weeks) for weeks in range(-WEEKS_AROUND, WEEKS_AROUND + 1) if weeks]
    typical = pl.concat_list(shifts).list.median()
    newest: date = days["day"][-1]
    return _with_empty_days(days).with_columns(typical.alias("typical")).filter(pl.col("day") > newest - LOOK_BACK)


def _with_empty_days(days: pl.DataFrame) -> pl.DataFrame:
    return days.upsample("day", every="1d").with_columns(pl.col("rows").fill_null(0))


def _format_days(days: list[date]) -> str:
    newest = ", ".join(str(day) for day in days[-MAX_DAYS_SHOWN:])
    return f"{'the newest of them ' if len(days) > MAX_DAYS_SHOWN else ''}{newest}" if days else ""
