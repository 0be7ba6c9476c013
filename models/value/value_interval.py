"""Intervals of a customer's value: a probability of nothing, else a gamma distribution, at levels that held on past days."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit
from scipy.stats import gamma

from features.frames.arrays import Array, BoolArray
from models.log_odds import MIN_PROBABILITY

LOW, HIGH = 0.10, 0.90
MIN_VALUE = 1e-6
MIDDLE, LOWEST, HIGHEST = 0.5, 0.02, 0.98  # an upper level is at least one half: an upper bound of 0 means that nothing is likely


@dataclass(frozen=True)
class ValueInterval:
    """`shape` is the gamma shape of value around its mean, given any; the levels are those at which the bounds lie."""

    shape: float
    low_level: float = LOW
    high_level: float = HIGH

    def bounds(self, mean: Array, p_zero: Array) -> tuple[Array, Array]:
        """Return value_low and value_high of customers with these means and probabilities of nothing."""
        low, high = (self._quantile(mean, p_zero, level) for level in (self.low_level, self.high_level))
        return np.minimum(low, high), high

    def rank(self, value: Array, mean: Array, p_zero: Array) -> Array:
        """Return P(value up to the given one), which for 0 is `p_zero`."""
        p_zero = np.clip(p_zero, MIN_PROBABILITY, 1 - MIN_PROBABILITY)
        scale = np.maximum(mean, MIN_VALUE) / (1 - p_zero) / self.shape
        rank: Array = p_zero + (1 - p_zero) * gamma.cdf(value, self.shape, scale=scale)
        return rank

    def _quantile(self, mean: Array, p_zero: Array, level: float) -> Array:
        p_positive = np.maximum(1 - p_zero, MIN_PROBABILITY)
        gamma_level = np.clip((level - p_zero) / p_positive, 0, 1)
        quantile = np.asarray(gamma.ppf(gamma_level, self.shape, scale=mean / p_positive / self.shape))
        return np.where(gamma_level > 0, quantile, 0.0)


def fit_value_interval(shape: float, value: Array, mean: Array, p_zero: Array, weight: Array, days: int) -> ValueInterval:
    """Return the interval with levels that 10 % of past values exceeded, and 10 % fell short of.

    Half-way in log-odds from the nominal level to that of the past with one past day, and closer to it with more `days`: the
    values of a day deviate together. A value of 0 exceeds nothing; how much it falls short counts in part, because a level below
    its `p_zero` has 0 as quantile. So more than 10 % exceed a bound of 0 only where more than 10 % order at all.
    """
    nominal = ValueInterval(shape)
    if not days:
        return nominal
    rank, positive = nominal.rank(value, mean, p_zero), np.asarray(value > 0)
    high = _weighted_quantile(np.where(positive, rank, 0.0), weight, HIGH)
    low = _low_level(rank, positive, weight)
    return ValueInterval(
        shape,
        low_level=_shrunk(float(np.clip(low, LOWEST, MIDDLE)), LOW, days),
        high_level=_shrunk(float(np.clip(high, MIDDLE, HIGHEST)), HIGH, days),
    )


def _low_level(rank: Array, positive: BoolArray, weight: Array) -> float:
    """Return the level below which 10 % of the ranks lie, where that of a value of 0 is spread evenly from 0 to its rank."""
    levels = np.linspace(0.001, 0.5, 500)
    spread = np.minimum(levels[:, None] / np.maximum(rank[~positive], MIN_PROBABILITY), 1.0) @ weight[~positive]
    order = np.argsort(rank[positive])
    cumulated = np.concatenate([[0.0], np.cumsum(weight[positive][order])])
    below = spread + cumulated[np.searchsorted(rank[positive][order], levels, side="right")]
    return float(np.interp(LOW, below / weight.sum(), levels))


def _weighted_quantile(values: Array, weight: Array, level: float) -> float:
    order = np.argsort(values, kind="stable")
    cumulated = np.cumsum(weight[order])
    position = int(np.searchsorted(cumulated, level * cumulated[-1]))
    return float(values[order[min(position, len(values) - 1)]])


def _shrunk(level: float, nominal: float, days: int) -> float:
    return float(expit((days * logit(level) + logit(nominal)) / (days + 1)))
