"""Calibration on the log-odds: Platt (1999), with a slope and an intercept that start from no change."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from models.log_odds import Array, log_odds

PRECISION = 20.0


@dataclass(frozen=True)
class Calibration:
    """p -> expit(intercept + slope * log-odds(p))."""

    intercept: float = 0.0
    slope: float = 1.0

    def apply(self, p: Array) -> Array:
        """Return calibrated probabilities, strictly between 0 and 1."""
        calibrated: Array = expit(self.intercept + self.slope * log_odds(p))
        return calibrated


def fit_calibration(p: Array, outcome: Array) -> Calibration:
    """Return the calibration of predictions `p` to outcomes (0 or 1) on data the model did not learn from.

    Maximum likelihood, with a weak normal prior around no change, worth about eighty rows.
    """
    odds = log_odds(p)

    def loss(theta: Array) -> tuple[float, Array]:
        line = theta[0] + theta[1] * odds
        error = expit(line) - outcome
        drift = theta - np.array([0.0, 1.0])
        value = np.sum(np.logaddexp(0, line) - outcome * line) + PRECISION / 2 * drift @ drift
        return float(value), np.array([error.sum(), error @ odds]) + PRECISION * drift

    found = minimize(loss, np.array([0.0, 1.0]), jac=True, method="BFGS").x
    return Calibration(float(found[0]), float(found[1]))
