"""How sure a difference between two candidates is: paired bootstrap over the rows that both were judged on."""

from collections.abc import Callable

import numpy as np

from training.metrics import Array

RESAMPLES = 200
SEED = 1
Metric = Callable[[Array, Array], float]


def paired_interval(metric: Metric, actual: Array, one: Array, other: Array, resamples: int = RESAMPLES) -> tuple[float, float]:
    """Return the 2.5 % and 97.5 % quantiles of metric(actual, one) - metric(actual, other) over resampled rows.

    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13. NaN differences are left out.
    """
    rng = np.random.default_rng(SEED)
    drawn = (rng.integers(0, len(actual), len(actual)) for _ in range(resamples))
    differences = [metric(actual[rows], one[rows]) - metric(actual[rows], other[rows]) for rows in drawn]
    low, high = np.nanquantile(differences, (0.025, 0.975))
    return float(low), float(high)
