import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.uplift.curves import bootstrap_interval, qini, qini_curve, uplift_at
from models.uplift.policies import RANDOM, RISK, RISK_VALUE, UPLIFT, UPLIFT_VALUE, policy_value

HALF = np.full(4, 0.5)
TREATED = np.array([True, False, True, False])


def test_the_curve_by_hand() -> None:
    # in order of score: a treated customer who stays, a control one who leaves, a treated one who leaves, a control one who stays
    share, gained = qini_curve(np.array([4.0, 3, 2, 1]), np.array([1.0, 0, 0, 1]), TREATED, HALF)
    assert share.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert gained.tolist() == [0, 0.5, 0.5, 0.5, 0]
    assert qini(np.array([4.0, 3, 2, 1]), np.array([1.0, 0, 0, 1]), TREATED, HALF) == pytest.approx(0.375)


def test_the_order_of_equal_scores_does_not_matter() -> None:
    _, gained = qini_curve(np.array([1.0, 1, 0, 0]), np.array([1.0, 0, 0, 1]), TREATED, HALF)
    assert gained.tolist() == [0, 0.25, 0.5, 0.25, 0]
    assert qini(np.zeros(4), np.array([1.0, 0, 0, 1]), TREATED, HALF) == 0.0


def test_rows_are_weighted_by_the_inverse_propensity() -> None:
    rng = np.random.default_rng(1)
    x, uniform = rng.random((2, 40_000))
    for share in (0.5, 0.9):
        treated = rng.random(40_000) < share
        outcome = (uniform < 0.2 + 0.4 * x * treated).astype(float)
        uplift = uplift_at(0.25)(x, outcome, treated, np.full(40_000, share))
        assert uplift == pytest.approx(0.4 * 0.875, abs=0.03)
        assert qini(x, outcome, treated, np.full(40_000, share)) == pytest.approx(0.4 / 12, abs=0.006)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30))
def test_resampling_takes_all_rows_of_a_customer(units: list[int]) -> None:
    unit = np.array(units)

    def refuse_partial_customers(rows: np.ndarray) -> float:
        counts = np.bincount(unit[rows], minlength=5)
        sizes = np.bincount(unit, minlength=5)
        assert all(count % size == 0 for count, size in zip(counts, sizes, strict=True) if size)
        return 0.0

    bootstrap_interval(unit, refuse_partial_customers, 20)


def test_the_interval_of_a_mean_has_the_theoretical_width() -> None:
    values = np.random.default_rng(2).normal(1.0, 1.0, 2_000)
    interval = bootstrap_interval(np.arange(2_000), lambda rows: float(values[rows].mean()))
    assert interval.high - interval.low == pytest.approx(2 * 1.96 / np.sqrt(2_000), rel=0.15)
    assert (interval.mean, interval.above) == (pytest.approx(values.mean()), 1.0)


def test_a_policy_is_worth_the_profit_of_the_customers_it_treats() -> None:
    rng = np.random.default_rng(3)
    effect, value = rng.normal(0.05, 0.1, 5_000), rng.lognormal(3, 0.5, 5_000)
    margin_effect = effect * value
    risk = rng.random(5_000)
    scores = {RISK: risk, RISK_VALUE: risk * value, UPLIFT: effect, UPLIFT_VALUE: margin_effect}
    policies = policy_value(scores, margin_effect, 0.5, np.arange(5_000), (0.2,))
    best = 100 * np.sort(margin_effect - 0.5)[-1_000:].sum() / 5_000
    assert policies.values[UPLIFT_VALUE].mean == pytest.approx(best)
    assert policies.values[RANDOM].mean == pytest.approx(20 * (margin_effect - 0.5).mean())
    assert policies.values[UPLIFT].mean > policies.values[RISK_VALUE].mean > policies.values[RISK].mean
    assert policies.is_better
    swapped = scores | {UPLIFT_VALUE: risk * value, RISK_VALUE: margin_effect}
    assert not policy_value(swapped, margin_effect, 0.5, np.arange(5_000), (0.2,)).is_better
