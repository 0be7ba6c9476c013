"""The level of a window: how far all customers together were from what the order models foretold.

A shop has seasons, holidays and good years, which move everybody; the order models know none. So shape (who is more likely
than whom) and level (how many in all) are learned apart: for each past window the level is known, and taken out before the
trees learn the shape; for the window ahead it is foretold.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from models.log_odds import Array, log_odds

UNSURE = 1.0  # of a level before any customer is seen: its spread, in log-odds
FEW = 10  # customers' worth of spend that pulls the level of value towards none
STEPS = 30
DECIMALS = 9  # so that the order of rows, which moves the last digits of a sum, is of no account


@dataclass(frozen=True)
class SeasonalOffset:
    """`churn` is added to the log-odds of no order, `value` to the logarithm of expected spend; 0 is as foretold."""

    churn: float = 0.0
    value: float = 0.0

    def __add__(self, other: "SeasonalOffset") -> "SeasonalOffset":
        """Both together."""
        return SeasonalOffset(self.churn + other.churn, self.value + other.value)

    def slump(self) -> "SeasonalOffset":
        """What of it means fewer orders and less spend; nothing of a surge."""
        return SeasonalOffset(max(self.churn, 0.0), min(self.value, 0.0))

    def times(self, share: float) -> "SeasonalOffset":
        """A share of it."""
        return SeasonalOffset(share * self.churn, share * self.value)


NO_OFFSET = SeasonalOffset()


def observed_offset(p_no_order: Array, churned: Array, expected: Array, spend: Array) -> SeasonalOffset:
    """Return the level of a window that is over: foretold probabilities and spend of its customers, and what they did."""
    return SeasonalOffset(round(churn_offset(p_no_order, churned), DECIMALS), round(value_offset(expected, spend), DECIMALS))


def value_offset(expected: Array, spend: Array) -> float:
    """Return the logarithm of actual over expected total spend, with ten customers' worth of none added to both."""
    worth = float(expected.mean()) * FEW
    if worth <= 0:
        return 0.0
    return float(np.log((max(float(spend.sum()), 0.0) + worth) / (float(expected.sum()) + worth)))


def churn_offset(p_no_order: Array, churned: Array) -> float:
    """Return what to add to the log-odds of no order so that they sum to the churners; a normal prior holds it near 0.

    Found by Newton's method.
    """
    odds, total, shift = log_odds(p_no_order), float(churned.sum()), 0.0
    for _ in range(STEPS):
        p = expit(odds + shift)
        slope = total - float(p.sum()) - shift / UNSURE**2
        step = slope / (float((p * (1 - p)).sum()) + 1 / UNSURE**2)
        shift += float(np.clip(step, -1.0, 1.0))
        if abs(step) < 1e-10:  # noqa: PLR2004  # far below what matters
            break
    return shift
