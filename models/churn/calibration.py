"""Calibration on the log-odds (Platt 1999): slope and intercept, with a prior centred on no change."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from features.frames.arrays import Array
from models.log_odds import log_odds

PRIOR_PRECISION = 20.0


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
    """Return the calibration of predictions `p` to outcomes (0 or 1), on data the model was not trained on.

    Maximum likelihood, with a weak normal prior centred on no change, worth about eighty rows.
    """
    odds = log_odds(p)

    def loss(theta: Array) -> tuple[float, Array]:
        shifted = theta[0] + theta[1] * odds
        residual = expit(shifted) - outcome
        distance = theta - np.array([0.0, 1.0])
        value = np.sum(np.logaddexp(0, shifted) - outcome * shifted) + PRIOR_PRECISION / 2 * distance @ distance
        gradient = np.array([residual.sum(), residual @ odds]) + PRIOR_PRECISION * distance
        return float(value), gradient

    intercept, slope = minimize(loss, np.array([0.0, 1.0]), jac=True, method="BFGS").x
    return Calibration(intercept=float(intercept), slope=float(slope))
