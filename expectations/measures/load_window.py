"""The days on which two loads of a table are compared."""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from expectations.measures.load_profile import ALL, DAY

STRAY_SHARE = 0.001  # this share of the rows at either end says nothing about where a load starts or ends


@dataclass(frozen=True)
class Window:
    """The first and last regular day of the load before and of the new load.

    Rows of the newest `settling_days` of the load before may still change. `load_day` is the day of that load.
    """

    first_before: date
    last_before: date
    first: date
    last: date
    settling_days: int
    load_day: str

    @property
    def settled(self) -> date:
        """The last day of the load before that no longer changes in a healthy shop."""
        return self.last_before - timedelta(days=self.settling_days)

    @property
    def days_lost(self) -> int:
        """By how many days the history is shorter: how far the first day moved forward, beyond the move of the newest."""
        return max((self.first - self.first_before).days - max((self.last - self.last_before).days, 0), 0)

    @property
    def start(self) -> date:
        """The first day that both loads cover."""
        return max(self.first, self.first_before)

    @property
    def covered(self) -> pl.Expr:
        """Whether a day is settled, and not before the new load starts."""
        return pl.col(DAY).is_between(self.first, self.settled)

    @property
    def starts(self) -> str:
        """The first days of both loads in words."""
        return f"the load of {self.load_day} started on {self.first_before}, this one starts on {self.first}"

    @property
    def covered_days(self) -> str:
        """The covered days in words."""
        return f"{self.start} to {self.settled}"


def load_window(before: pl.DataFrame, now: pl.DataFrame, settling_days: int, load_day: str) -> Window | None:
    """Return the window of two loads from their days; None where a load has no dates.

    Single rows far from all others, one in a thousand at either end, do not move the ends of a load.
    """
    rows = min(int(days.filter(pl.col("group") == ALL)["rows"].sum()) for days in (before, now))
    stray = int(rows * STRAY_SHARE)
    ends_before, ends = _regular_ends(before, stray), _regular_ends(now, stray)
    if ends_before is None or ends is None:
        return None
    return Window(*ends_before, *ends, settling_days=settling_days, load_day=load_day)


def _regular_ends(days: pl.DataFrame, stray: int) -> tuple[date, date] | None:
    rows = days.filter(pl.col("group") == ALL).sort(DAY).select(DAY, pl.col("rows").cast(pl.Int64))
    forwards = rows.filter(pl.col("rows").cum_sum() > stray)[DAY]
    backwards = rows.filter(pl.col("rows").cum_sum(reverse=True) > stray)[DAY]
    return (forwards[0], backwards[-1]) if forwards.len() and backwards.len() else None
