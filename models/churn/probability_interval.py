"""How sure a churn probability is: how far the share of churners was from it on past days, beyond chance."""

from collections.abc import Iterable
from math import sqrt

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from features.frames.arrays import Array
from models.btyd.seasonal_level import churn_offset
from models.log_odds import log_odds

GROUPS, MIN_GROUP_ROWS = 10, 20
PRIOR_STD, PRIOR_DAYS = 0.2, 2  # assumed before any past day is known; models/value/portfolio_total.py assumes as much of totals
MAX_STD = 1.5


def probability_interval(p_churn: Array, std: float, confidence: float = 0.8) -> tuple[Array, Array]:
    """Return p_churn_low and p_churn_high: where the share of churners among customers with this p_churn lies.

    `std` is that of the error in log-odds, from `log_odds_std`.
    """
    odds, margin = log_odds(p_churn), float(norm.ppf((1 + confidence) / 2)) * std
    return expit(odds - margin), expit(odds + margin)


def log_odds_std(days: Iterable[tuple[Array, Array]]) -> float:
    """Return the standard deviation of errors in log-odds, from p_churn and churned (1 or 0) of customers on past days.

    The error of each tenth of a day's customers counts, as its mean square beyond the sampling variance (method of moments),
    weighted by precision. A season moves all tenths of a day together, so a day counts as one observation. An assumption worth
    two days shrinks the result to 0.2; it is at most 1.5.
    """
    squares = [_mean_square(p_churn, churned) for p_churn, churned in days]
    total = sum(square for square in squares if square is not None) + PRIOR_DAYS * PRIOR_STD**2
    count = sum(square is not None for square in squares) + PRIOR_DAYS
    return min(sqrt(total / count), MAX_STD)


def _mean_square(p_churn: Array, churned: Array) -> float | None:
    """Return the mean squared error of a day's tenths in log-odds beyond their sampling variance; None with too few customers."""
    groups = np.array_split(np.argsort(p_churn, kind="stable"), GROUPS)
    errors = [_error(p_churn[group], churned[group]) for group in groups if len(group) >= MIN_GROUP_ROWS]
    if not errors:
        return None
    offsets, variances = np.array(errors).T
    weights = 1 / (variances + PRIOR_STD**2)
    return max(float(weights @ (offsets**2 - variances) / weights.sum()), 0.0)


def _error(p_churn: Array, churned: Array) -> tuple[float, float]:
    """Return the offset of a group in log-odds and its sampling variance."""
    return churn_offset(p_churn, churned), 1 / (float((p_churn * (1 - p_churn)).sum()) + 1)
