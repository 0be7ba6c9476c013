"""A clock that runs as fast as customers order at that time of the year, so that waiting times follow the season.

Donors who give in December do not wait "about a year": by the calendar their waiting times look random, by this clock they are
short. A waiting time is translated into the clock's time, where the order models predict it, and back.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Self

import numpy as np

from features.frames.arrays import Array

YEAR_DAYS = 365
MAX_YEARS = 3
HALF_WIDTH_DAYS = 14  # of the triangular window that smooths the orders of a year
PRIOR_ORDERS = 100.0  # orders a year, spread evenly, added to those seen: few orders say little about a season
CLOCK_YEARS = 100  # how far ahead the clock runs


@dataclass(frozen=True)
class SeasonalClock:
    """`rates` are the relative order rates of the 365 days from `start` on, with mean 1; the year repeats."""

    start: date
    rates: tuple[float, ...]

    def elapsed(self, as_of: date, days: Array, horizon_days: int) -> Array:
        """Return the clock's time over the first `days` after `as_of`; a horizon takes as long as on the calendar."""
        hours = self._hours(as_of, horizon_days)
        elapsed: Array = np.interp(days, np.arange(len(hours)), hours)
        return elapsed

    def days(self, as_of: date, elapsed: Array, horizon_days: int) -> Array:
        """Return the days after `as_of` at which the clock has run for `elapsed`: the inverse; infinity stays infinite."""
        hours = self._hours(as_of, horizon_days)
        return np.where(np.isfinite(elapsed), np.interp(elapsed, hours, np.arange(len(hours))), np.inf)

    def _hours(self, as_of: date, horizon_days: int) -> Array:
        """Return the clock's time at the start of each day from `as_of` on."""
        shifted = np.roll(np.asarray(self.rates), -((as_of - self.start).days % YEAR_DAYS))
        hours = np.concatenate([[0.0], np.cumsum(np.tile(shifted, CLOCK_YEARS))])
        scaled: Array = hours * (horizon_days / np.interp(horizon_days, np.arange(len(hours)), hours))
        return scaled

    def to_json(self) -> dict[str, Any]:
        """Return the clock as data."""
        return {"start": self.start.isoformat(), "rates": [round(rate, 6) for rate in self.rates]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Rebuild a clock from `to_json`."""
        return cls(date.fromisoformat(data["start"]), tuple(data["rates"]))


def fit_clock(order_days: Array, first: date, as_of: date) -> SeasonalClock | None:
    """Return the clock by the orders of up to three whole years before `as_of`; None where the log has less than one.

    `order_days` are the days of all orders, as numbers of days since `first`, the day of the first order; later ones than
    `as_of` do not count.
    """
    log_days = (as_of - first).days
    years = min(log_days // YEAR_DAYS, MAX_YEARS)
    if not years:
        return None
    start = log_days - years * YEAR_DAYS
    in_years = order_days[(order_days >= start) & (order_days < log_days)]
    counts = np.bincount((in_years - start) % YEAR_DAYS, minlength=YEAR_DAYS) / years + PRIOR_ORDERS / YEAR_DAYS
    window = np.concatenate([np.arange(1, HALF_WIDTH_DAYS + 1), np.arange(HALF_WIDTH_DAYS - 1, 0, -1)])
    padded = np.concatenate([counts[-HALF_WIDTH_DAYS:], counts, counts[:HALF_WIDTH_DAYS]])
    smooth = np.convolve(padded, window / window.sum(), mode="same")[HALF_WIDTH_DAYS:-HALF_WIDTH_DAYS]
    return SeasonalClock(first + timedelta(days=start), tuple((smooth / smooth.mean()).tolist()))
