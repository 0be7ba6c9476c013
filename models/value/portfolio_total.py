"""What all customers together are worth, and between which numbers that will lie."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, log1p, sqrt

import numpy as np
import polars as pl
from scipy.stats import norm

USUALLY_OFF = 0.2  # of the logarithm of a total: what is taken for granted before any window has told
WORTH = 2  # windows that this counts for


@dataclass(frozen=True)
class Total:
    """Sum of expected values in currency, and the ends of its interval."""

    expected: float
    low: float
    high: float


def level_std(biases: Iterable[float]) -> float:
    """Return by how much the logarithm of a total is off, as a standard deviation: from relative errors of past totals.

    It leans on 0.2, worth two windows: one log holds few seasons, and its totals move together.
    """
    logs = [log1p(max(bias, -0.99)) for bias in biases]
    return sqrt((sum(value**2 for value in logs) + WORTH * USUALLY_OFF**2) / (len(logs) + WORTH))


def total_value(scores: pl.DataFrame, gamma_shape: float, log_total_std: float, confidence: float = 0.8) -> Total:
    """Return the total of `expected_value` and its interval, from a run's p_churn, value_if_stays, value_at_risk.

    Two things move it: customers, each by itself (stays or leaves, and a gamma of shape `spread` around what is expected
    then), and the level that moves all together, whose logarithm is off by `doubt`. Rows without a score count for nothing.
    """
    rows = scores.drop_nulls("expected_value")
    p, stays = rows["p_churn"].to_numpy(), rows["value_if_stays"].to_numpy()
    gap = np.divide(rows["value_at_risk"].to_numpy(), p, out=np.zeros_like(p), where=p > 0)
    leaves = stays - gap
    own = p * (1 - p) * gap**2 + ((1 - p) * stays**2 + p * leaves**2) / gamma_shape
    expected = float(rows["expected_value"].sum())
    if expected <= 0:
        return Total(expected, expected, expected)
    off = float(norm.ppf((1 + confidence) / 2)) * sqrt(float(own.sum()) / expected**2 + log_total_std**2)
    return Total(expected, expected * exp(-off), expected * exp(off))
