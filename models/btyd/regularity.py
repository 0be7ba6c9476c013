"""How regularly customers buy: the shape k of the times between their orders.

If the times between a customer's orders are gamma distributed with shape k, then, given their number and their sum, their
shares of the sum are Dirichlet(k, ..., k): whatever the customer's rate, whenever the customer leaves, and wherever the
observation ends. So k can be estimated on its own, from the likelihood of those shares, before any other parameter. k = 1 means
orders at random times; the larger k, the more regular they are (Platzer and Reutterer 2016, doi:10.1287/mksc.2015.0963, who
estimate k per customer; Wheat and Morrison 1990, doi:10.2307/3172554, who use two gaps of each customer).
"""

from collections.abc import Iterable

import numpy as np
import polars as pl
from scipy.special import gammaln, softmax

from features.frames.arrays import Array

LOG_GAPS = "log_gaps"  # the sum of the logarithms of the times between a customer's orders
MAX_REGULARITY = 12
SHAPES, MIN_WEIGHT = (1, 2, 4, 8, 12), 0.1
MIN_GAIN = 2.0  # in log-likelihood, for a k above 1: what one more parameter gains by chance in one log of seven (chi-squared)


def choose_regularity(frame: pl.DataFrame) -> int:
    """Return the whole k from 1 to 12 with the highest likelihood; 1 without the column `log_gaps`.

    Frames hold `frequency`, `recency`, `log_gaps` in the same unit of time, and optionally `weight`. Customers with fewer than
    two repeat orders say nothing about k.
    """
    likelihoods = _share_likelihoods(frame, range(1, MAX_REGULARITY + 1))
    best = int(np.argmax(likelihoods))
    return best + 1 if likelihoods[best] > likelihoods[0] + MIN_GAIN else 1


def regularity_weights(frame: pl.DataFrame) -> dict[int, float]:
    """Return the posterior probability of k = 1, 2, 4, 8 and 12, each as likely before; those below one in ten are left out.

    A log in which hardly a customer has ordered three times says little about k, and a forecast that takes one k for certain is
    too sure of itself: a customer who has not yet come back may be gone if orders come at random, and is not yet due if they are
    regular. Frames are those of `choose_regularity`.
    """
    if LOG_GAPS not in frame.columns:
        return {1: 1.0}
    posterior = softmax(_share_likelihoods(frame, SHAPES))
    kept = {k: float(weight) for k, weight in zip(SHAPES, posterior, strict=True) if weight >= MIN_WEIGHT}
    return {k: weight / sum(kept.values()) for k, weight in kept.items()}


def _share_likelihoods(frame: pl.DataFrame, shapes: Iterable[int]) -> Array:
    """Return the log-likelihood of the shares of the gaps for each k; zeros where no customer has ordered three times."""
    shapes = tuple(shapes)
    if LOG_GAPS not in frame.columns:
        return np.zeros(len(shapes))
    weight = pl.col("weight").cast(pl.Float64) if "weight" in frame.columns else pl.lit(1.0)
    rows = frame.filter((pl.col("frequency") > 1) & pl.col(LOG_GAPS).is_not_null()).select(
        pl.col("frequency", "recency", LOG_GAPS).cast(pl.Float64), weight.alias("weight")
    )
    x, t_x, log_gaps, weights = (rows[name].to_numpy() for name in rows.columns)
    return np.array([_share_likelihood(k, x, t_x, log_gaps, weights) for k in shapes])


def _share_likelihood(k: int, x: Array, t_x: Array, log_gaps: Array, weight: Array) -> float:
    """Return the log-likelihood of the shares of the gaps: the logarithm of a Dirichlet density."""
    values = gammaln(k * x) - x * gammaln(k) + (k - 1) * (log_gaps - x * np.log(t_x))
    return float(weight @ values)
