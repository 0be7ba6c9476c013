import numpy as np
import pytest

from training.evaluation.bootstrap import paired_interval
from training.metrics import calibration_error, churn_metrics, interval_metrics, lift, normalised_gini, value_metrics

CHURNED = np.array([1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])


def test_a_perfect_order_has_an_auc_of_one_and_the_highest_lift() -> None:
    p = np.array([0.9, 0.1, 0.8, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    found = churn_metrics(CHURNED, p)
    assert (found["auc"], found["lift_10"]) == (1.0, pytest.approx(5.0))
    assert found["bias"] == pytest.approx(0.05)


def test_log_loss_by_hand() -> None:
    found = churn_metrics(np.array([1.0, 0.0]), np.array([0.8, 0.4]))
    assert found["log_loss"] == pytest.approx(-(np.log(0.8) + np.log(0.6)) / 2)
    assert found["brier"] == pytest.approx((0.04 + 0.16) / 2)


def test_one_outcome_only_leaves_what_needs_both_open() -> None:
    assert np.isnan(churn_metrics(np.zeros(3), np.full(3, 0.2))["auc"])


def test_calibration_error_is_zero_for_frequencies_and_the_distance_otherwise() -> None:
    p = np.repeat([0.0, 1.0], 50)
    assert calibration_error(p, p) == 0
    assert calibration_error(np.zeros(100), np.full(100, 0.3)) == pytest.approx(0.3)


def test_lift_of_chance_is_one() -> None:
    assert lift(np.ones(10), np.linspace(0, 1, 10), 0.1) == pytest.approx(1.0)


def test_gini_is_one_for_a_perfect_order_and_minus_one_for_its_reverse() -> None:
    spend = np.array([0.0, 0.0, 1.0, 3.0, 6.0])
    assert normalised_gini(spend, spend * 2) == pytest.approx(1)
    assert normalised_gini(spend, -spend) == pytest.approx(-1)


def test_a_constant_expectation_has_a_gini_of_zero_in_any_row_order() -> None:
    spend = np.array([9.0, 0.0, 1.0, 4.0])
    assert normalised_gini(spend, np.ones(4)) == pytest.approx(0, abs=1e-12)
    assert normalised_gini(spend[::-1], np.ones(4)) == pytest.approx(0, abs=1e-12)


def test_bias_is_that_of_the_total() -> None:
    assert value_metrics(np.array([1.0, 3.0]), np.array([2.0, 4.0]))["bias"] == pytest.approx(0.5)


def test_capture_is_the_share_of_churners_among_the_highest() -> None:
    p = np.linspace(1, 0, 10)
    found = churn_metrics(CHURNED, p)
    assert (found["capture_10"], found["capture_20"]) == (pytest.approx(0.5), pytest.approx(0.5))


def test_the_deviance_by_hand_and_nothing_foretold_is_worse_than_something() -> None:
    spend, mean = np.array([0.0, 4.0]), np.array([1.0, 4.0])
    by_hand = 2 * (0 - 0 + 1.0**0.5 / 0.5) / 2  # eq. 2 of Tweedie with power 1.5: only the first row is off
    assert value_metrics(spend, mean)["tweedie_deviance"] == pytest.approx(by_hand)
    assert value_metrics(spend, np.zeros(2))["tweedie_deviance"] > 10


def test_an_interval_pays_for_its_width_and_tenfold_for_what_lies_outside() -> None:
    found = interval_metrics(np.array([1.0, 5.0]), np.array([0.0, 0.0]), np.array([2.0, 2.0]))
    assert (found["above_high"], found["interval_score"]) == (0.5, pytest.approx(2 + 10 * 3 / 2))


def test_the_interval_of_a_difference_holds_it_and_is_zero_for_the_same_candidate() -> None:
    rng = np.random.default_rng(1)
    actual, other = rng.random(400), rng.random(400)

    def error(y: np.ndarray, p: np.ndarray) -> float:
        return float(np.abs(y - p).mean())

    low, high = paired_interval(error, actual, actual, other)
    assert low < -error(actual, other) < high < 0
    assert paired_interval(error, actual, other, other) == (0.0, 0.0)
