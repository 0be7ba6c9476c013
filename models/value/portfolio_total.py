"""The total value of all customers, and its interval."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, log1p, sqrt

import polars as pl
from scipy.stats import norm

PRIOR_LOG_STD = 0.2  # assumed standard error of the logarithm of a total, before any past total is known
PRIOR_WINDOWS = 2  # number of windows that the assumption is worth
MIN_BIAS = -0.99  # keeps the logarithm finite


@dataclass(frozen=True)
class PortfolioTotal:
    """Sum of expected values in currency, and the ends of its interval."""

    expected: float
    low: float
    high: float


def level_std(biases: Iterable[float]) -> float:
    """Return the standard error of the logarithm of a total, from the relative errors of past totals.

    It is shrunk towards 0.2, worth two windows: one log covers few seasons, and its totals are correlated.
    """
    log_errors = [log1p(max(bias, MIN_BIAS)) for bias in biases]
    squares = sum(error**2 for error in log_errors)
    return sqrt((squares + PRIOR_WINDOWS * PRIOR_LOG_STD**2) / (len(log_errors) + PRIOR_WINDOWS))


def estimate_total(scores: pl.DataFrame, gamma_shape: float, log_total_std: float, confidence: float = 0.8) -> PortfolioTotal:
    """Return the sum of `expected_value` and its interval, from a run's p_churn, value_if_stays and value_if_leaves.

    Two sources of variance count. Customers vary independently: each stays or leaves, and the realised value given that is gamma
    with shape `gamma_shape`. The level moves all customers together: its logarithm has the standard error `log_total_std`. Rows
    without a score count as 0.
    """
    rows = scores.drop_nulls("expected_value")
    p, stays, leaves = (rows[name].to_numpy() for name in ("p_churn", "value_if_stays", "value_if_leaves"))
    variance = p * (1 - p) * (stays - leaves) ** 2 + ((1 - p) * stays**2 + p * leaves**2) / gamma_shape
    expected = float(rows["expected_value"].sum())
    if expected <= 0:
        return PortfolioTotal(expected=expected, low=expected, high=expected)
    z = float(norm.ppf((1 + confidence) / 2))
    log_margin = z * sqrt(float(variance.sum()) / expected**2 + log_total_std**2)
    return PortfolioTotal(expected=expected, low=expected * exp(-log_margin), high=expected * exp(log_margin))
