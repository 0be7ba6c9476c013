from datetime import date, timedelta

import numpy as np
import pytest

from models.waiting.seasonal_clock import SeasonalClock, fit_clock

FIRST = date(2023, 3, 1)


def orders_of(years: int, seed: int = 0) -> np.ndarray:
    """Days of orders, twice as many in the second half of each year from FIRST on."""
    rng = np.random.default_rng(seed)
    days = rng.integers(0, 365 * years, 60_000 * years)
    return days[(days % 365 >= 182) | (rng.random(len(days)) < 0.5)]


@pytest.mark.parametrize("years", [1, 3])
def test_the_clock_runs_as_fast_as_orders_come(years: int) -> None:
    clock = fit_clock(orders_of(years), FIRST, FIRST + timedelta(days=365 * years))
    assert clock is not None
    rates = np.array(clock.rates)
    assert rates.mean() == pytest.approx(1.0)
    assert rates[200:350].mean() / rates[20:165].mean() == pytest.approx(2.0, rel=0.05)


def test_a_log_of_less_than_a_year_has_no_clock_and_later_orders_do_not_count() -> None:
    orders = orders_of(3)
    assert fit_clock(orders, FIRST, FIRST + timedelta(days=364)) is None
    day = FIRST + timedelta(days=500)
    assert fit_clock(orders, FIRST, day) == fit_clock(orders[orders < 500], FIRST, day)


def test_few_orders_make_a_clock_that_hardly_differs_from_the_calendar() -> None:
    clock = fit_clock(np.array([300, 301, 302]), FIRST, FIRST + timedelta(days=365))
    assert clock is not None
    assert max(clock.rates) < 1.8


@pytest.mark.parametrize("shift", [0, 100, 364, 500])
def test_days_are_the_inverse_of_elapsed_time_and_a_horizon_takes_as_long_as_on_the_calendar(shift: int) -> None:
    clock = SeasonalClock(FIRST, tuple(np.where(np.arange(365) < 100, 2.65, 0.3773).tolist()))
    as_of, days = FIRST + timedelta(days=shift), np.array([0.0, 10.0, 90.0, 91.5, 700.0])
    elapsed = clock.elapsed(as_of, days, 90)
    assert elapsed[2] == pytest.approx(90.0)
    assert clock.days(as_of, elapsed, 90) == pytest.approx(days)
    assert np.isinf(clock.days(as_of, np.array([np.inf]), 90)[0])
