import numpy as np
import pytest

from models.uplift.treatment_effect import effect

NONE = np.zeros((6, 0))


def test_without_covariates_it_is_the_difference_with_welchs_interval() -> None:
    outcome = np.array([3.0, 5.0, 4.0, 1.0, 2.0, 0.0])
    treated = np.array([True, True, True, False, False, False])
    found = effect(outcome, treated, np.full(6, 0.5), NONE)
    assert found is not None
    assert (found.mean, found.control_mean, found.treated, found.control) == (3.0, 1.0, 3, 3)
    assert (found.low, found.high) == (pytest.approx(0.7329, abs=1e-3), pytest.approx(5.2671, abs=1e-3))  # t.test of R
    assert found.is_seen


def test_an_arm_of_one_tells_nothing() -> None:
    assert effect(np.ones(3), np.array([True, True, False]), np.full(3, 0.5), np.zeros((3, 0))) is None


def test_rows_held_out_stand_for_as_many_as_their_odds_say() -> None:
    outcome = np.array([5.0, 5.0, 1.0, 1.0, 9.0, 9.0])
    treated = np.array([True, True, False, False, False, False])
    propensity = np.array([0.5, 0.5, 0.8, 0.8, 0.5, 0.5])
    found = effect(outcome, treated, propensity, NONE)
    assert found is not None
    assert found.control_mean == pytest.approx((4 * 1 + 1 * 9) / 5)


def test_what_was_known_before_narrows_the_interval_and_leaves_the_mean() -> None:
    rng = np.random.default_rng(5)
    known = rng.normal(size=(2_000, 1))
    treated = rng.random(2_000) < 0.9
    outcome = 3 * known[:, 0] + rng.normal(size=2_000) + 0.5 * treated
    share = np.full(2_000, 0.9)
    bare, told = effect(outcome, treated, share, np.zeros((2_000, 0))), effect(outcome, treated, share, known)
    assert bare is not None
    assert told is not None
    assert told.high - told.low < 0.45 * (bare.high - bare.low)
    assert told.low < 0.5 < told.high


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(6)
    held = 0
    for _ in range(400):
        known = rng.gamma(0.5, 40, (300, 1))
        treated = rng.random(300) < 0.85
        outcome = rng.poisson(known[:, 0] / 20) * rng.lognormal(0, 1, 300) + 1.0 * treated
        found = effect(outcome, treated, np.full(300, 0.85), known)
        held += found is not None and found.low <= 1.0 <= found.high
    assert held / 400 > 0.93


def test_few_held_out_who_happen_to_spread_little_do_not_make_it_sure() -> None:
    """Skewed outcomes, nothing gained: claims of a gain are at most as many as they may be."""
    rng = np.random.default_rng(8)
    claimed = 0
    for _ in range(600):
        treated = rng.random(400) < 0.9
        outcome = rng.lognormal(0, 1.2, 400) * (rng.random(400) < 0.15)
        found = effect(outcome, treated, np.full(400, 0.9), np.zeros((400, 0)))
        claimed += found is not None and found.low > 0
    assert claimed / 600 < 0.04


def test_the_interval_is_welchs_for_the_arm_that_spreads_more() -> None:
    outcome, treated = np.array([0.0, 2.0, 0.0, 2.0, 5.0, 5.0, 5.0, 5.0]), np.arange(8) < 4
    found = effect(outcome, treated, np.full(8, 0.5), np.zeros((8, 0)))
    assert found is not None
    assert found.standard_error**2 == pytest.approx((4 / 3) / 4 + (4 / 3) / 2 / 4)


def test_how_many_more_it_takes() -> None:
    rng = np.random.default_rng(7)
    treated = np.arange(400) % 2 == 0
    found = effect(rng.normal(size=400), treated, np.full(400, 0.5), np.zeros((400, 0)))
    assert found is not None
    assert found.more_needed(0.05) == pytest.approx(400 * ((2.8 * found.standard_error / 0.05) ** 2 - 1), abs=1)
    assert found.more_needed(100.0) == 0
    assert found.more_needed(0.0) is None
