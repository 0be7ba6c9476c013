"""How well effects rank: the Qini curve, its coefficient, and the effect on the first k, with resampled intervals."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.log_odds import Array
from models.uplift.experiment import Flags

RESAMPLES, SEED = 500, 1
Measure = Callable[[Array, Array, Flags, Array], float]


@dataclass(frozen=True)
class Interval:
    """An estimate and its 2.5 % and 97.5 % quantiles over resampled customers; `above` is the share of resamples above 0."""

    mean: float
    low: float
    high: float
    above: float


def qini_curve(score: Array, outcome: Array, treated: Flags, propensity: Array) -> tuple[Array, Array]:
    """Return the share of customers and the outcomes gained per customer of all, if those with the highest score are treated.

    From (0, 0) on, one point per customer; of equal scores, as if they came in any order. With a probability of treatment that
    is not one half, rows are weighted by its inverse, so that the curve is the one of Radcliffe (2007), Using control groups
    to target on predicted lift, but per customer and without its jumps where one arm is empty.
    """
    weight = np.where(treated, 1 / propensity, -1 / (1 - propensity))
    order = np.argsort(-score, kind="stable")
    gained = np.concatenate([[0.0], np.cumsum((weight * outcome)[order])]) / len(score)
    shared = _ends(score[order])
    points = np.concatenate([[0], shared])
    share = np.arange(len(score) + 1) / len(score)
    return share, np.interp(np.arange(len(score) + 1), points, gained[points])


def qini(score: Array, outcome: Array, treated: Flags, propensity: Array) -> float:
    """Return the Qini coefficient: the area between the curve and the straight line of treating at random, per customer."""
    share, gained = qini_curve(score, outcome, treated, propensity)
    return float(np.trapezoid(gained - share * gained[-1], share))


def uplift_at(share: float) -> Measure:
    """Return the measure of the mean effect on the `share` of customers with the highest score."""

    def measure(score: Array, outcome: Array, treated: Flags, propensity: Array) -> float:
        _, gained = qini_curve(score, outcome, treated, propensity)
        first = max(round(share * len(score)), 1)
        return float(gained[first] * len(score) / first)

    return measure


def _ends(ordered: Array) -> NDArray[np.int64]:
    """Where each run of equal scores ends."""
    return np.append(np.flatnonzero(np.diff(ordered) != 0), len(ordered) - 1) + 1


def resampled(unit: NDArray[np.int64], measure: Callable[[NDArray[np.int64]], float], resamples: int = RESAMPLES) -> Interval:
    """Return `measure` of all rows, and its interval over resampled customers (cluster bootstrap).

    `measure` takes places of rows, some of them several times.
    """
    rng = np.random.default_rng(SEED)
    _, place = np.unique(unit, return_inverse=True)
    order = np.argsort(place, kind="stable")
    counts = np.bincount(place)
    starts = np.cumsum(counts) - counts
    drawn = (_rows_of(rng.integers(0, len(counts), len(counts)), order, starts, counts) for _ in range(resamples))
    found = np.array([measure(rows) for rows in drawn])
    low, high = np.quantile(found, (0.025, 0.975))
    return Interval(measure(np.arange(len(unit))), float(low), float(high), float((found > 0).mean()))


def _rows_of(
    units: NDArray[np.int64], order: NDArray[np.int64], starts: NDArray[np.int64], counts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The places of all rows of these customers."""
    taken = counts[units]
    offsets = np.arange(taken.sum()) - np.repeat(np.cumsum(taken) - taken, taken)
    rows: NDArray[np.int64] = order[np.repeat(starts[units], taken) + offsets]
    return rows
