"""Ranking metrics of uplift: the Qini curve, its coefficient, and the effect on the top share, with bootstrap intervals."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from features.frames.arrays import Array, BoolArray, IntArray

RESAMPLES, SEED = 500, 1
Measure = Callable[[Array, Array, BoolArray, Array], float]


@dataclass(frozen=True)
class Interval:
    """An estimate and its 2.5 % and 97.5 % bootstrap quantiles; `above` is the share of resamples above 0."""

    mean: float
    low: float
    high: float
    above: float


def qini_curve(score: Array, outcome: Array, treated: BoolArray, propensity: Array) -> tuple[Array, Array]:
    """Return the share of customers treated, highest scores first, and the outcome gained per customer of all.

    The curve starts at (0, 0) and has one point per customer; ties count as if in random order. Rows are weighted by the inverse
    propensity. So the curve is that of Radcliffe (2007), Using control groups to target on predicted lift, but per customer,
    for any propensity, and without jumps where one arm is empty.
    """
    weight = np.where(treated, 1 / propensity, -1 / (1 - propensity))
    order = np.argsort(-score, kind="stable")
    gained = np.concatenate([[0.0], np.cumsum((weight * outcome)[order])]) / len(score)
    points = np.concatenate([[0], _tie_ends(score[order])])
    share = np.arange(len(score) + 1) / len(score)
    return share, np.interp(np.arange(len(score) + 1), points, gained[points])


def qini(score: Array, outcome: Array, treated: BoolArray, propensity: Array) -> float:
    """Return the Qini coefficient: the area between the curve and the straight line of random treatment, per customer."""
    share, gained = qini_curve(score, outcome, treated, propensity)
    return float(np.trapezoid(gained - share * gained[-1], share))


def uplift_at(share: float) -> Measure:
    """Return the measure of the mean effect on the `share` of customers with the highest scores."""

    def measure(score: Array, outcome: Array, treated: BoolArray, propensity: Array) -> float:
        _, gained = qini_curve(score, outcome, treated, propensity)
        count = max(round(share * len(score)), 1)
        return float(gained[count] * len(score) / count)

    return measure


def _tie_ends(ordered: Array) -> IntArray:
    """Return the index after each run of equal scores."""
    return np.append(np.flatnonzero(np.diff(ordered) != 0), len(ordered) - 1) + 1


def bootstrap_interval(unit: IntArray, measure: Callable[[IntArray], float], resamples: int = RESAMPLES) -> Interval:
    """Return `measure` of all rows, and its interval over resampled customers (cluster bootstrap).

    `measure` takes row indices; a resample may repeat an index.
    """
    rng = np.random.default_rng(SEED)
    _, unit_index = np.unique(unit, return_inverse=True)
    order = np.argsort(unit_index, kind="stable")
    counts = np.bincount(unit_index)
    starts = np.cumsum(counts) - counts
    samples = (_unit_rows(rng.integers(0, len(counts), len(counts)), order, starts, counts) for _ in range(resamples))
    estimates = np.array([measure(rows) for rows in samples])
    low, high = np.quantile(estimates, (0.025, 0.975))
    return Interval(mean=measure(np.arange(len(unit))), low=float(low), high=float(high), above=float((estimates > 0).mean()))


def _unit_rows(units: IntArray, order: IntArray, starts: IntArray, counts: IntArray) -> IntArray:
    """Return the indices of all rows of these customers; `order` sorts rows by customer."""
    sizes = counts[units]
    offsets = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    rows: IntArray = order[np.repeat(starts[units], sizes) + offsets]
    return rows
