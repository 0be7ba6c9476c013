from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.btyd.bgcnbd import MBGCNBD
from models.btyd.bgnbd import BGNBD
from models.btyd.mbgnbd import MBGNBD
from models.waiting.order_dates import LEVELS, OrderDates
from models.waiting.rank_map import IDENTITY, RankMap, fit_rank_map
from models.waiting.seasonal_clock import SeasonalClock

AS_OF, HORIZON = date(2026, 1, 1), 90
FRAME = pl.DataFrame(
    {
        "as_of": [AS_OF] * 5,
        "frequency": [0.0, 0.0, 3.0, 3.0, 40.0],
        "recency": [0.0, 0.0, 100.0, 300.0, 390.0],
        "T": [5.0, 400.0, 400.0, 310.0, 400.0],
    }
)
P_CHURN = pl.Series([0.7, 0.95, 0.8, 0.4, 0.05])
REGULAR = MBGCNBD(r=1.2, alpha=20.0, a=0.6, b=2.5, k=3)
CHRISTMAS = SeasonalClock(AS_OF, tuple(np.where(np.arange(365) >= 330, 5.0, 215 / 330).tolist()))
EARLY = RankMap(tuple(np.linspace(0, 1, 21) ** 0.5))
SOME_NEVER = RankMap(tuple((0.8 * np.linspace(0, 1, 21)).tolist()))
MODELS = [
    OrderDates(BGNBD(r=0.8, alpha=60.0, a=0.4, b=2.5)),
    OrderDates(REGULAR),
    OrderDates(REGULAR, CHRISTMAS),
    OrderDates(REGULAR, CHRISTMAS, EARLY, SOME_NEVER),
]


@pytest.mark.parametrize("dates", MODELS)
def test_the_probability_of_no_order_at_the_churn_horizon_is_p_churn_and_falls_with_time(dates: OrderDates) -> None:
    assert dates.p_no_order(FRAME, P_CHURN, HORIZON, HORIZON) == pytest.approx(P_CHURN.to_list())
    curve = np.array([dates.p_no_order(FRAME, P_CHURN, HORIZON, days) for days in (0, 1, 30, 60, 90, 180, 365, 2_000)])
    assert (np.diff(curve, axis=0) <= 1e-12).all()
    assert ((curve >= 0) & (curve <= 1)).all()
    assert curve[0] == pytest.approx(np.ones(5))


@pytest.mark.parametrize("dates", MODELS)
def test_waiting_times_are_where_the_probability_falls_to_their_level(dates: OrderDates) -> None:
    times = dates.waiting_times(FRAME, P_CHURN, HORIZON)
    for name, level in LEVELS.items():
        for row, days in enumerate(times[name]):
            if np.isfinite(days) and days < 30_000:
                one, p = FRAME[row], P_CHURN[row : row + 1]
                around = [dates.p_no_order(one, p, HORIZON, day)[0] for day in (int(days), int(days) + 1)]
                assert around[1] - 0.002 <= 1 - level <= around[0] + 0.002
    assert (times["next_order_low"] <= times["next_order_days"]).all()
    assert (times["next_order_days"] <= times["next_order_high"]).all()


def test_the_median_is_the_churn_horizon_when_p_churn_is_one_half() -> None:
    times = MODELS[1].waiting_times(FRAME, pl.Series([0.5] * 5), HORIZON)
    assert times["next_order_days"].to_list() == pytest.approx([90.0] * 5, rel=1e-6)


def test_a_customer_who_is_next_to_certainly_gone_still_has_the_probability_on_display() -> None:
    gone = pl.DataFrame({"as_of": [AS_OF], "frequency": [60.0], "recency": [100.0], "T": [3_000.0]})
    dates = OrderDates(MBGNBD(r=0.8, alpha=60.0, a=0.4, b=2.5))
    for p in (0.5, 0.99):
        assert dates.p_no_order(gone, pl.Series([p]), HORIZON, HORIZON)[0] == pytest.approx(p)


def test_by_the_clock_orders_wait_for_the_season() -> None:
    calendar, clock = (
        OrderDates(REGULAR, clock).waiting_times(FRAME, P_CHURN, 365)["next_order_days"] for clock in (None, CHRISTMAS)
    )
    assert clock[3] > 300 > calendar[3]


@given(st.lists(st.floats(0, 1), min_size=21, max_size=21), st.floats(0.01, 0.99))
@settings(max_examples=50, deadline=None)
def test_any_maps_leave_a_falling_curve_through_p_churn(values: list[float], p: float) -> None:
    shape = RankMap((0.0, *sorted(values)[1:-1], 1.0))
    dates = OrderDates(REGULAR, None, shape, shape)
    curve = [dates.p_no_order(FRAME, pl.Series([p] * 5), HORIZON, days) for days in (10, 90, 400)]
    assert curve[1] == pytest.approx([p] * 5)
    assert (curve[0] >= curve[1] - 1e-12).all()
    assert (curve[1] >= curve[2] - 1e-12).all()


@pytest.mark.parametrize("dates", MODELS)
def test_dates_survive_storing(dates: OrderDates) -> None:
    stored = OrderDates.from_json(replace(dates, coverage=0.4).to_json())
    assert replace(stored, coverage=None, clock=None) == replace(dates, clock=None)
    if dates.clock is not None:
        assert stored.clock is not None
        assert stored.clock.rates == pytest.approx(dates.clock.rates, abs=1e-6)


@pytest.mark.parametrize(("coverage", "is_trusted"), [(None, True), (0.5, True), (0.25, True), (0.2, False), (0.8, False)])
def test_dates_that_were_far_off_on_a_past_day_are_not_trusted(coverage: float | None, is_trusted: bool) -> None:  # noqa: FBT001
    assert replace(MODELS[0], coverage=coverage).is_trusted == is_trusted


def test_the_map_of_uniform_ranks_is_the_identity_and_that_of_early_orders_says_so() -> None:
    rng = np.random.default_rng(0)
    ranks, seen, weight = rng.random(50_000), np.ones(50_000, dtype=bool), np.ones(50_000)
    assert fit_rank_map(ranks, seen, weight, 4).values == pytest.approx(IDENTITY.values, abs=0.01)
    early = fit_rank_map(ranks**2, seen, weight, 1_000)
    assert early(np.array([0.25])) == pytest.approx([0.5], abs=0.01)
    assert early.inverse(np.array([0.5])) == pytest.approx([0.25], abs=0.01)
    assert fit_rank_map(ranks**2, seen, weight, 0) == IDENTITY


def test_orders_still_awaited_count_as_later_than_their_rank() -> None:
    rng = np.random.default_rng(1)
    true, until = rng.random(50_000), rng.uniform(0.2, 1.2, 50_000)
    ranks, seen = np.minimum(true, until), true <= until
    assert fit_rank_map(ranks, seen, np.ones(50_000), 1_000).values == pytest.approx(IDENTITY.values, abs=0.02)
    open_end = fit_rank_map(np.minimum(true, 0.5), true <= 0.5, np.ones(50_000), 1_000)
    assert open_end.values[-1] == pytest.approx(0.5, abs=0.01)
    assert np.isinf(open_end.inverse(np.array([0.9])))
