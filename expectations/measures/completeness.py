"""Completeness by day: days without rows that should have some, and a newest day that is only half there."""

from datetime import date, timedelta

import polars as pl

from expectations.check import Measure

LOOK_BACK = timedelta(days=365)
WEEKS_AROUND = 4
WEEKS_BEFORE = 8
# A day may be empty by chance where few rows are usual: of days with seven, one in a thousand.
USUAL_ROWS = 7
SHOWN = 5


def missing_days(days: pl.DataFrame) -> Measure:
    """Count the days of the last year without rows whose weekday has seven or more in the four weeks before and after.

    `days`: one row per day that has rows, ascending. A weekday on which a shop is closed is usual without rows.
    """
    counts = _every_day(days)
    empty = counts.filter((pl.col("rows") == 0) & (pl.col("usual") >= USUAL_ROWS))["day"].to_list()
    return Measure(len(empty), _shown(empty))


def last_day(days: pl.DataFrame) -> Measure | None:
    """Return the newest day's rows as a share of the median of its weekday in the eight weeks before.

    None where fewer than four such weeks are there, or fewer than seven rows are usual.
    """
    newest = days["day"][-1]
    same = [newest - timedelta(weeks=back) for back in range(1, WEEKS_BEFORE + 1)]
    before = _filled(days).filter(pl.col("day").is_in(same))["rows"]
    usual = before.median()
    if before.len() < WEEKS_AROUND or not isinstance(usual, float) or usual < USUAL_ROWS:
        return None
    rows = days["rows"][-1]
    return Measure(rows / usual, f"{newest} has {rows:,} rows, usual for its weekday are {usual:,.0f}")


def _every_day(days: pl.DataFrame) -> pl.DataFrame:
    """Days of the last year with what is usual for their weekday: the median of the neighbours, themselves left out."""
    shifts = [pl.col("rows").shift(7 * week) for week in range(-WEEKS_AROUND, WEEKS_AROUND + 1) if week]
    around = pl.concat_list(shifts).list.median()
    newest: date = days["day"][-1]
    return _filled(days).with_columns(around.alias("usual")).filter(pl.col("day") > newest - LOOK_BACK)


def _filled(days: pl.DataFrame) -> pl.DataFrame:
    return days.upsample("day", every="1d").with_columns(pl.col("rows").fill_null(0))


def _shown(days: list[date]) -> str:
    newest = ", ".join(str(day) for day in days[-SHOWN:])
    return f"{'the newest of them ' if len(days) > SHOWN else ''}{newest}" if days else ""
