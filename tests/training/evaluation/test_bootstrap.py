from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from features.frames.arrays import Array
from training.evaluation.bootstrap import (
    ResampledMetric,
    paired_interval,
    resample_customers,
    resampled_auc,
    resampled_gini,
    resampled_log_loss,
    resampled_tweedie_deviance,
)
from training.metrics import auc, log_loss, normalised_gini, tweedie_deviance

ORIGINS = 4
METRICS: dict[str, tuple[ResampledMetric, Callable[[Array, Array], float]]] = {
    "log_loss": (resampled_log_loss, log_loss),
    "auc": (resampled_auc, auc),
    "tweedie_deviance": (resampled_tweedie_deviance, tweedie_deviance),
    "gini": (resampled_gini, normalised_gini),
}


def ids(customers: int, repeats: int = 1) -> pl.Series:
    return pl.Series("customer_id", [f"c{number}" for number in range(customers)] * repeats)


def predictions(rows: int, seed: int) -> tuple[Array, Array, Array]:
    """Return outcomes, and the probabilities of a good and of a bad candidate."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(0, 1.5, rows)
    churned = (rng.random(rows) < expit(log_odds)).astype(float)
    return churned, expit(log_odds), expit(0.5 * log_odds + rng.normal(0, 0.7, rows))


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("decimals", [1, 9], ids=["many ties", "no ties"])
def test_a_resampled_metric_is_the_metric_of_the_rows_it_draws(name: str, decimals: int) -> None:
    resampled, metric = METRICS[name]
    churned, p, _ = predictions(120, seed=3)
    actual = churned * 7.5 if name in {"tweedie_deviance", "gini"} else churned
    predicted = p.round(decimals)
    resamples = resample_customers(ids(40, repeats=3), resamples=20)
    drawn = [np.repeat(np.arange(120), counts[resamples.customer]) for counts in resamples.counts]
    expected = [metric(actual[rows], predicted[rows]) for rows in drawn]
    assert resampled(resamples, actual, predicted) == pytest.approx(expected)


@pytest.mark.parametrize("name", METRICS)
def test_rows_repeated_at_several_origins_do_not_narrow_the_interval(name: str) -> None:
    churned, first, second = predictions(300, seed=4)
    resampled, _ = METRICS[name]
    single = paired_interval(resampled, churned, first, second, resample_customers(ids(300)))
    repeated = [np.tile(values, ORIGINS) for values in (churned, first, second)]
    clustered = paired_interval(resampled, *repeated, resample_customers(ids(300, ORIGINS)))
    independent = paired_interval(resampled, *repeated, resample_customers(ids(300 * ORIGINS)))
    assert clustered == pytest.approx(single)
    assert width(independent) == pytest.approx(width(single) / np.sqrt(ORIGINS), rel=0.15)


def width(interval: tuple[float, float]) -> float:
    return interval[1] - interval[0]


@pytest.mark.slow
def test_the_95_percent_interval_covers_the_true_difference_about_95_times_in_100() -> None:
    customers, worlds = 200, 600
    resamples = resample_customers(ids(customers, ORIGINS))
    independent = resample_customers(ids(customers * ORIGINS))
    truth = true_difference()
    covered, covered_by_independent_rows = 0, 0
    for world in range(worlds):
        churned, first, second = panel(customers, seed=world)
        low, high = paired_interval(resampled_log_loss, churned, first, second, resamples)
        covered += low <= truth <= high
        low, high = paired_interval(resampled_log_loss, churned, first, second, independent)
        covered_by_independent_rows += low <= truth <= high
    assert 0.93 <= covered / worlds <= 0.97
    assert covered_by_independent_rows / worlds < 0.85


def panel(customers: int, seed: int) -> tuple[Array, Array, Array]:
    """Return rows of customers at four origins: predictions are the same at each, outcomes mostly."""
    rng = np.random.default_rng(seed)
    log_odds, error = rng.normal(0, 1.5, customers), rng.normal(0, 0.7, customers)
    shape = (ORIGINS, customers)
    uniform = np.where(rng.random(shape) < 0.8, rng.random(customers), rng.random(shape))
    churned = uniform < expit(log_odds)
    return churned.ravel().astype(float), np.tile(expit(log_odds), ORIGINS), np.tile(expit(0.5 * log_odds + error), ORIGINS)


def true_difference() -> float:
    """Return the expected difference in log-loss over the population of `panel`."""
    churned, first, second = panel(500_000, seed=999)
    return log_loss(churned, first) - log_loss(churned, second)


def test_resamples_depend_on_the_set_of_customers_alone() -> None:
    churned, first, second = predictions(400, seed=5)
    interval = paired_interval(resampled_auc, churned, first, second, resample_customers(ids(200, 2)))
    assert paired_interval(resampled_auc, churned, first, second, resample_customers(ids(200, 2))) == interval
    backwards = [values[::-1] for values in (churned, first, second)]
    assert paired_interval(resampled_auc, *backwards, resample_customers(ids(200, 2).reverse())) == pytest.approx(interval)


@pytest.mark.parametrize("name", METRICS)
def test_the_interval_contains_the_difference_and_is_zero_for_the_same_candidate(name: str) -> None:
    resampled, metric = METRICS[name]
    churned, first, second = predictions(400, seed=6)
    resamples = resample_customers(ids(400))
    low, high = paired_interval(resampled, churned, first, second, resamples)
    assert low < metric(churned, first) - metric(churned, second) < high
    assert paired_interval(resampled, churned, second, second, resamples) == (0.0, 0.0)


def test_resamples_with_one_outcome_only_are_left_out_of_an_auc() -> None:
    churned = np.array([1.0, 0.0, 0.0, 0.0])
    resamples = resample_customers(ids(4))
    assert np.isnan(resampled_auc(resamples, churned, churned)).any()
    assert paired_interval(resampled_auc, churned, churned, 1 - churned, resamples) == (1.0, 1.0)
