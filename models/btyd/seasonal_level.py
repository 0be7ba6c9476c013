"""The seasonal offset of a window: how far all customers together deviate from the order models' predictions.

Seasons, holidays and good years move all customers of a shop together, and the order models include none of them. The ranking
of customers and their total are therefore learned separately. For a past window the offset is observed and removed before the
trees learn the ranking; for the window ahead it is predicted.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from features.frames.arrays import Array
from models.log_odds import log_odds

PRIOR_STD = 1.0  # of the churn offset, in log-odds
PRIOR_CUSTOMERS = 10  # how many customers' expected spend pulls the value offset towards 0
MAX_STEPS = 30
STEP_TOLERANCE = 1e-10
DECIMALS = 9  # the order of rows changes the last digits of a sum; rounding removes the effect


@dataclass(frozen=True)
class SeasonalOffset:
    """`churn` is added to the log-odds of no order, `value` to the logarithm of expected spend; 0 changes nothing."""

    churn: float = 0.0
    value: float = 0.0

    def __add__(self, other: "SeasonalOffset") -> "SeasonalOffset":
        """Return the sum of two offsets."""
        return SeasonalOffset(churn=self.churn + other.churn, value=self.value + other.value)

    def slump(self) -> "SeasonalOffset":
        """Return the part that means fewer orders or less spend, with 0 in place of a surge."""
        return SeasonalOffset(churn=max(self.churn, 0.0), value=min(self.value, 0.0))

    def scaled(self, factor: float) -> "SeasonalOffset":
        """Return the offset times a factor."""
        return SeasonalOffset(churn=factor * self.churn, value=factor * self.value)


NO_OFFSET = SeasonalOffset()


def observed_offset(p_no_order: Array, churned: Array, expected_spend: Array, spend: Array) -> SeasonalOffset:
    """Return the offset of a window that has ended, rounded to nine decimals.

    `p_no_order` and `expected_spend` are the order models' predictions for its customers; `churned` (1 or 0) and `spend` are what
    happened.
    """
    churn, value = churn_offset(p_no_order, churned), value_offset(expected_spend, spend)
    return SeasonalOffset(churn=round(churn, DECIMALS), value=round(value, DECIMALS))


def value_offset(expected_spend: Array, spend: Array) -> float:
    """Return ln(actual / expected total spend), with ten customers' mean expected spend added to both totals."""
    prior_spend = float(expected_spend.mean()) * PRIOR_CUSTOMERS
    if prior_spend <= 0:
        return 0.0
    return float(np.log((max(float(spend.sum()), 0.0) + prior_spend) / (float(expected_spend.sum()) + prior_spend)))


def churn_offset(p_no_order: Array, churned: Array) -> float:
    """Return what to add to the log-odds of no order so that the probabilities sum to the number of churners.

    A normal prior with mean 0 and standard deviation `PRIOR_STD` shrinks the offset; Newton's method finds it.
    """
    odds, churners, offset = log_odds(p_no_order), float(churned.sum()), 0.0
    for _ in range(MAX_STEPS):
        p = expit(odds + offset)
        gradient = churners - float(p.sum()) - offset / PRIOR_STD**2
        step = gradient / (float((p * (1 - p)).sum()) + 1 / PRIOR_STD**2)
        offset += float(np.clip(step, -1.0, 1.0))
        if abs(step) < STEP_TOLERANCE:
            break
    return offset
