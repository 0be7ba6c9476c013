import numpy as np
import pytest

from training.metrics import calibration_error, churn_metrics, interval_metrics, lift, normalised_gini, value_metrics

CHURNED = np.array([1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])


def test_a_perfect_order_has_an_auc_of_one_and_the_highest_lift() -> None:
    p = np.array([0.9, 0.1, 0.8, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    metrics = churn_metrics(CHURNED, p)
    assert (metrics["auc"], metrics["lift_10"]) == (1.0, pytest.approx(5.0))
    assert metrics["bias"] == pytest.approx(0.05)


def test_log_loss_by_hand() -> None:
    metrics = churn_metrics(np.array([1.0, 0.0]), np.array([0.8, 0.4]))
    assert metrics["log_loss"] == pytest.approx(-(np.log(0.8) + np.log(0.6)) / 2)
    assert metrics["brier"] == pytest.approx((0.04 + 0.16) / 2)


def test_a_metric_that_needs_both_outcomes_is_nan_with_one_only() -> None:
    assert np.isnan(churn_metrics(np.zeros(3), np.full(3, 0.2))["auc"])


def test_calibration_error_is_zero_for_calibrated_probabilities_and_the_distance_otherwise() -> None:
    p = np.repeat([0.0, 1.0], 50)
    assert calibration_error(p, p) == 0
    assert calibration_error(np.zeros(100), np.full(100, 0.3)) == pytest.approx(0.3)


def test_lift_is_one_where_all_churn() -> None:
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
    metrics = churn_metrics(CHURNED, p)
    assert (metrics["capture_10"], metrics["capture_20"]) == (pytest.approx(0.5), pytest.approx(0.5))


def test_the_deviance_by_hand_and_predicting_zero_is_worse() -> None:
    spend, mean = np.array([0.0, 4.0]), np.array([1.0, 4.0])
    by_hand = 2 * (0 - 0 + 1.0**0.5 / 0.5) / 2  # eq. 2 of Tweedie with power 1.5: only the first row is off
    assert value_metrics(spend, mean)["tweedie_deviance"] == pytest.approx(by_hand)
    assert value_metrics(spend, np.zeros(2))["tweedie_deviance"] > 10


def test_the_interval_score_is_the_width_and_ten_times_the_distance_outside() -> None:
    metrics = interval_metrics(np.array([1.0, 5.0]), np.array([0.0, 0.0]), np.array([2.0, 2.0]))
    assert (metrics["above_high"], metrics["interval_score"]) == (0.5, pytest.approx(2 + 10 * 3 / 2))
