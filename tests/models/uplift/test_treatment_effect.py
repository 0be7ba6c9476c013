import numpy as np
import pytest

from models.uplift.treatment_effect import estimate_effect

NO_COVARIATES = np.zeros((6, 0))


def test_without_covariates_it_is_the_difference_of_means_with_welchs_interval() -> None:
    outcome = np.array([3.0, 5.0, 4.0, 1.0, 2.0, 0.0])
    treated = np.array([True, True, True, False, False, False])
    effect = estimate_effect(outcome, treated, np.full(6, 0.5), NO_COVARIATES)
    assert effect is not None
    assert (effect.mean, effect.control_mean, effect.treated, effect.control) == (3.0, 1.0, 3, 3)
    assert (effect.low, effect.high) == (pytest.approx(0.7329, abs=1e-3), pytest.approx(5.2671, abs=1e-3))  # t.test of R
    assert effect.is_significant


def test_an_arm_of_one_gives_no_effect() -> None:
    assert estimate_effect(np.ones(3), np.array([True, True, False]), np.full(3, 0.5), np.zeros((3, 0))) is None


def test_control_customers_are_weighted_by_the_odds_of_treatment() -> None:
    outcome = np.array([5.0, 5.0, 1.0, 1.0, 9.0, 9.0])
    treated = np.array([True, True, False, False, False, False])
    propensity = np.array([0.5, 0.5, 0.8, 0.8, 0.5, 0.5])
    effect = estimate_effect(outcome, treated, propensity, NO_COVARIATES)
    assert effect is not None
    assert effect.control_mean == pytest.approx((4 * 1 + 1 * 9) / 5)


def test_covariates_narrow_the_interval_and_keep_the_mean() -> None:
    rng = np.random.default_rng(5)
    covariates = rng.normal(size=(2_000, 1))
    treated = rng.random(2_000) < 0.9
    outcome = 3 * covariates[:, 0] + rng.normal(size=2_000) + 0.5 * treated
    propensity = np.full(2_000, 0.9)
    unadjusted = estimate_effect(outcome, treated, propensity, np.zeros((2_000, 0)))
    adjusted = estimate_effect(outcome, treated, propensity, covariates)
    assert unadjusted is not None
    assert adjusted is not None
    assert adjusted.high - adjusted.low < 0.45 * (unadjusted.high - unadjusted.low)
    assert adjusted.low < 0.5 < adjusted.high


def test_the_interval_covers_the_true_effect_at_its_nominal_rate() -> None:
    rng = np.random.default_rng(6)
    covered = 0
    for _ in range(400):
        covariates = rng.gamma(0.5, 40, (300, 1))
        treated = rng.random(300) < 0.85
        outcome = rng.poisson(covariates[:, 0] / 20) * rng.lognormal(0, 1, 300) + 1.0 * treated
        effect = estimate_effect(outcome, treated, np.full(300, 0.85), covariates)
        covered += effect is not None and effect.low <= 1.0 <= effect.high
    assert covered / 400 > 0.93


def test_a_small_control_group_that_happens_to_vary_little_raises_no_false_alarms() -> None:
    """Skewed outcomes without any gain: significant gains are no more frequent than 2.5 %, within sampling error."""
    rng = np.random.default_rng(8)
    false_alarms = 0
    for _ in range(600):
        treated = rng.random(400) < 0.9
        outcome = rng.lognormal(0, 1.2, 400) * (rng.random(400) < 0.15)
        effect = estimate_effect(outcome, treated, np.full(400, 0.9), np.zeros((400, 0)))
        false_alarms += effect is not None and effect.low > 0
    assert false_alarms / 600 < 0.04


def test_the_arm_with_the_larger_variance_keeps_welchs_variance() -> None:
    outcome, treated = np.array([0.0, 2.0, 0.0, 2.0, 5.0, 5.0, 5.0, 5.0]), np.arange(8) < 4
    effect = estimate_effect(outcome, treated, np.full(8, 0.5), np.zeros((8, 0)))
    assert effect is not None
    assert effect.standard_error**2 == pytest.approx((4 / 3) / 4 + (4 / 3) / 2 / 4)


def test_the_additional_customers_needed_follow_the_power_formula() -> None:
    rng = np.random.default_rng(7)
    treated = np.arange(400) % 2 == 0
    effect = estimate_effect(rng.normal(size=400), treated, np.full(400, 0.5), np.zeros((400, 0)))
    assert effect is not None
    expected = 400 * ((2.8 * effect.standard_error / 0.05) ** 2 - 1)
    assert effect.additional_customers_needed(0.05) == pytest.approx(expected, abs=1)
    assert effect.additional_customers_needed(100.0) == 0
    assert effect.additional_customers_needed(0.0) is None


def test_intervals_cover_the_truth_although_units_have_several_rows() -> None:
    """Each unit is drawn twice, and its two outcomes differ little: without the units, the interval would be too narrow."""
    rng, covered, too_narrow = np.random.default_rng(3), 0, 0
    unit = np.repeat(np.arange(150), 2)
    for _ in range(200):
        treated = np.repeat(rng.random(150) < 0.8, 2)
        outcome = np.repeat(rng.normal(size=150), 2) + 0.2 * rng.normal(size=300)
        propensity = np.full(300, 0.8)
        clustered = estimate_effect(outcome, treated, propensity, np.zeros((300, 0)), unit)
        independent = estimate_effect(outcome, treated, propensity, np.zeros((300, 0)))
        assert clustered is not None
        assert independent is not None
        assert clustered.mean == independent.mean
        covered += clustered.low <= 0 <= clustered.high
        too_narrow += not independent.low <= 0 <= independent.high
    assert covered >= 182
    assert too_narrow > 20


def test_units_with_one_row_each_change_nothing_and_two_units_are_needed_in_each_arm() -> None:
    rng, treated = np.random.default_rng(4), np.arange(40) % 4 > 0
    outcome, propensity = rng.normal(size=40), np.full(40, 0.75)
    plain = estimate_effect(outcome, treated, propensity, np.zeros((40, 0)))
    assert estimate_effect(outcome, treated, propensity, np.zeros((40, 0)), rng.permutation(40)) == plain
    one_control_unit = np.where(treated, np.arange(40), 99)
    assert estimate_effect(outcome, treated, propensity, np.zeros((40, 0)), one_control_unit) is None


def test_offsetting_errors_of_a_unit_do_not_narrow_the_interval() -> None:
    outcome, treated = np.tile([1.0, -1.0], 20), np.repeat([True, False], 20)
    plain = estimate_effect(outcome, treated, np.full(40, 0.5), np.zeros((40, 0)))
    clustered = estimate_effect(outcome, treated, np.full(40, 0.5), np.zeros((40, 0)), np.repeat(np.arange(20), 2))
    assert plain is not None
    assert clustered is not None
    assert clustered.standard_error == plain.standard_error
