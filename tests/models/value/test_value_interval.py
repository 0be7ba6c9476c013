import numpy as np
import pytest
from crepes import ConformalRegressor

from models.value.value_interval import HIGH, LOW, ValueInterval, fit_value_interval


def customers(seed: int, rows: int = 4_000, shape: float = 1.5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p_zero, mean_of_buyers = rng.uniform(0.05, 0.95, rows), rng.gamma(2.0, 50.0, rows)
    value = np.where(rng.random(rows) < p_zero, 0.0, rng.gamma(shape, mean_of_buyers / shape, rows))
    return value, mean_of_buyers * (1 - p_zero), p_zero


def test_bounds_are_quantiles_of_nothing_or_a_gamma_value() -> None:
    interval = ValueInterval(shape=1.5)
    mean, p_zero = np.array([10.0, 30.0, 80.0]), np.array([0.95, 0.4, 0.02])
    low, high = interval.bounds(mean, p_zero)
    assert high[0] == low[0] == low[1] == 0
    assert 0 < low[2] < high[2]
    rng = np.random.default_rng(2)
    for row in (1, 2):
        bought = rng.random(200_000) >= p_zero[row]
        sample = np.where(bought, rng.gamma(1.5, mean[row] / (1 - p_zero[row]) / 1.5, 200_000), 0.0)
        assert sample.mean() == pytest.approx(mean[row], rel=0.03)
        assert (sample > high[row]).mean() == pytest.approx(0.10, abs=0.01)
    assert interval.rank(high[1:], mean[1:], p_zero[1:]) == pytest.approx([0.9, 0.9])


@pytest.mark.parametrize("too_sure", [1.5, 6.0, 0.6])
def test_a_tenth_exceeds_the_upper_bound_even_if_the_assumed_shape_is_wrong(too_sure: float) -> None:
    value, mean, p_zero = customers(seed=1)
    interval = fit_value_interval(too_sure, value, mean, p_zero, np.ones(len(value)), days=50)
    new, new_mean, new_p_zero = customers(seed=2)
    low, high = interval.bounds(new_mean, new_p_zero)
    assert (low <= high).all()
    assert (new > high).mean() == pytest.approx(0.10, abs=0.015)
    assert (new < low).mean() <= 0.10


def test_without_past_days_the_levels_are_nominal_and_one_day_counts_by_half() -> None:
    value, mean, p_zero = customers(seed=1)
    weight = np.ones(len(value))
    assert fit_value_interval(6.0, value, mean, p_zero, weight, 0) == ValueInterval(6.0, LOW, HIGH)
    one, many = (fit_value_interval(6.0, value, mean, p_zero, weight, days).high_level for days in (1, 1_000))
    odds = [np.log(level / (1 - level)) for level in (HIGH, one, many)]
    assert odds[1] == pytest.approx((odds[0] + odds[2]) / 2, abs=0.01)


def test_the_upper_level_is_that_of_split_conformal_prediction() -> None:
    value, mean, p_zero = customers(seed=3)
    positive = value > 0
    nominal = ValueInterval(1.5)
    ranks = np.where(positive, nominal.rank(value, mean, p_zero), 0.0)
    conformal = ConformalRegressor().fit(residuals=ranks)
    reference = conformal.predict_int(y_hat=np.zeros(1), confidence=HIGH)[0, 1]
    fitted = fit_value_interval(1.5, value, mean, p_zero, np.ones(len(value)), days=10**9).high_level
    assert fitted == pytest.approx(reference, abs=2 / len(value))
