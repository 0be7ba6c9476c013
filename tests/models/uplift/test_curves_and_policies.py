import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.uplift.curves import qini, qini_curve, resampled, uplift_at
from models.uplift.policies import RANDOM, RISK, RISK_VALUE, UPLIFT, UPLIFT_VALUE, policy_value

HALF = np.full(4, 0.5)
TREATED = np.array([True, False, True, False])


def test_the_curve_by_hand() -> None:
    # in order of score: a treated customer who stays, a held-out one who does not, one treated who leaves, one held out who stays
    share, gained = qini_curve(np.array([4.0, 3, 2, 1]), np.array([1.0, 0, 0, 1]), TREATED, HALF)
    assert share.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert gained.tolist() == [0, 0.5, 0.5, 0.5, 0]
    assert qini(np.array([4.0, 3, 2, 1]), np.array([1.0, 0, 0, 1]), TREATED, HALF) == pytest.approx(0.375)


def test_equal_scores_are_in_no_order() -> None:
    _, gained = qini_curve(np.array([1.0, 1, 0, 0]), np.array([1.0, 0, 0, 1]), TREATED, HALF)
    assert gained.tolist() == [0, 0.25, 0.5, 0.25, 0]
    assert qini(np.zeros(4), np.array([1.0, 0, 0, 1]), TREATED, HALF) == 0.0


def test_rows_count_by_how_likely_their_arm_was() -> None:
    rng = np.random.default_rng(1)
    x, luck = rng.random((2, 40_000))
    for share in (0.5, 0.9):
        treated = rng.random(40_000) < share
        outcome = (luck < 0.2 + 0.4 * x * treated).astype(float)
        found = uplift_at(0.25)(x, outcome, treated, np.full(40_000, share))
        assert found == pytest.approx(0.4 * 0.875, abs=0.03)
        assert qini(x, outcome, treated, np.full(40_000, share)) == pytest.approx(0.4 / 12, abs=0.006)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30))
def test_resampling_takes_all_rows_of_a_customer(units: list[int]) -> None:
    unit = np.array(units)

    def whole(rows: np.ndarray) -> float:
        counts = np.bincount(unit[rows], minlength=5)
        size = np.bincount(unit, minlength=5)
        assert all(drawn % of == 0 for drawn, of in zip(counts, size, strict=True) if of)
        return 0.0

    resampled(unit, whole, 20)


def test_the_interval_is_as_wide_as_chance() -> None:
    values = np.random.default_rng(2).normal(1.0, 1.0, 2_000)
    found = resampled(np.arange(2_000), lambda rows: float(values[rows].mean()))
    assert found.high - found.low == pytest.approx(2 * 1.96 / np.sqrt(2_000), rel=0.15)
    assert (found.mean, found.above) == (pytest.approx(values.mean()), 1.0)


def test_a_policy_is_worth_the_profit_of_whom_it_treats() -> None:
    rng = np.random.default_rng(3)
    effect, value = rng.normal(0.05, 0.1, 5_000), rng.lognormal(3, 0.5, 5_000)
    money = effect * value
    risk = rng.random(5_000)
    scores = {RISK: risk, RISK_VALUE: risk * value, UPLIFT: effect, UPLIFT_VALUE: money}
    found = policy_value(scores, money, 0.5, np.arange(5_000), (0.2,))
    best = 100 * np.sort(money - 0.5)[-1_000:].sum() / 5_000
    assert found.values[UPLIFT_VALUE].mean == pytest.approx(best)
    assert found.values[RANDOM].mean == pytest.approx(20 * (money - 0.5).mean())
    assert found.values[UPLIFT].mean > found.values[RISK_VALUE].mean > found.values[RISK].mean
    assert found.is_better
    other = policy_value(scores | {UPLIFT_VALUE: risk * value, RISK_VALUE: money}, money, 0.5, np.arange(5_000), (0.2,))
    assert not other.is_better
