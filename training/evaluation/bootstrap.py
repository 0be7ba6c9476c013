"""Confidence intervals for the difference between two candidates: a paired bootstrap over customers.

A resample draws customers with replacement and takes all rows of each. The rows of one customer at several origins are not
independent, so drawing single rows would make the intervals too narrow.

A resample is kept as counts and no row is copied. Means need one sum per customer; AUC and Gini need one pass over the rows in
the order of the prediction.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.frames.arrays import Array, IntArray
from features.frames.columns import CUSTOMER
from training.metrics import log_losses, tweedie_deviances

RESAMPLES = 2_000  # 50 of them lie in each tail of a 95 % interval
SEED = 1
TAILS = (0.025, 0.975)
BLOCK_SIZE = 1 << 19  # counts held at a time: fits a processor's cache


@dataclass(frozen=True)
class Resamples:
    """Customers drawn with replacement, as often as there are customers.

    `customer` is the index of the customer of each row. `counts` has a line per resample and a column per customer: how often
    that customer was drawn.
    """

    customer: IntArray
    counts: NDArray[np.uint8]

    def sums(self, values: Array) -> Array:
        """Return the sum of a value per row, for each resample."""
        customers = self.counts.shape[1]
        per_customer = np.bincount(self.customer, weights=values, minlength=customers)
        return np.concatenate([block @ per_customer for block in self._blocks(customers)])

    def rank_areas(self, outcome: Array, order: Array) -> Array:
        """Return the area under the cumulative outcome of the rows sorted by `order`, lowest first, for each resample.

        It is the sum over rows of the outcome times the number of rows before it. Rows of equal `order`, the row itself
        included, count half.
        """
        rows = np.argsort(order, kind="stable")
        tie_ends = np.flatnonzero(np.append(np.diff(order[rows]) != 0, True)) + 1  # the last row ends one too
        tie = np.searchsorted(tie_ends, np.arange(len(rows)), side="right")
        nonzero = np.flatnonzero(outcome[rows])
        first, last = np.append(0, tie_ends)[tie[nonzero]], tie_ends[tie[nonzero]]
        areas = []
        for block in self._blocks(len(rows)):
            counts = np.take(block, self.customer[rows], axis=1)
            before = np.zeros((len(counts), len(rows) + 1), dtype=np.int64)
            np.cumsum(counts, axis=1, out=before[:, 1:])
            middle = np.take(before, first, axis=1) + np.take(before, last, axis=1)
            areas.append(np.take(counts, nonzero, axis=1) * middle @ outcome[rows][nonzero] / 2)
        return np.concatenate(areas)

    def _blocks(self, columns: int) -> Iterator[NDArray[np.uint8]]:
        lines = max(BLOCK_SIZE // columns, 1)
        return (self.counts[start : start + lines] for start in range(0, len(self.counts), lines))


ResampledMetric = Callable[[Resamples, Array, Array], Array]


def resample_customers(customers: pl.Series, resamples: int = RESAMPLES) -> Resamples:
    """Return resamples of the customers of these rows: the same for the same set of ids, whatever the order of the rows.

    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapters 8 and 13.
    """
    customer = customers.rank("dense").cast(pl.Int64).to_numpy() - 1
    size = int(customer.max()) + 1
    rng = np.random.default_rng(SEED)
    counts = np.empty((resamples, size), dtype=np.uint8)  # one on average; a count above 255 does not occur
    for line in counts:
        line[:] = np.bincount(rng.integers(0, size, size), minlength=size)
    return Resamples(customer, counts)


def clustered_error(customers: pl.Series, influences: Array) -> float:
    """Return the standard error of a sum of influences, a row each, over customers: all rows of a customer deviate together."""
    rows = pl.DataFrame({CUSTOMER: customers, "influence": influences})
    per_customer = rows.group_by(CUSTOMER, maintain_order=True).agg(pl.col("influence").sum())["influence"].to_numpy()
    return sqrt(float(per_customer @ per_customer))


def paired_interval(
    metric: ResampledMetric, actual: Array, first: Array, second: Array, resamples: Resamples
) -> tuple[float, float]:
    """Return the 95 % interval of the metric of prediction `first` less that of `second`.

    It runs from the 2.5 % to the 97.5 % quantile over resamples; those without a value of the metric are left out.
    """
    differences = metric(resamples, actual, first) - metric(resamples, actual, second)
    low, high = np.nanquantile(differences, TAILS)
    return float(low), float(high)


def resampled_log_loss(resamples: Resamples, churned: Array, p: Array) -> Array:
    """Return the log-loss of each resample."""
    return resamples.sums(log_losses(churned, p)) / resamples.sums(np.ones(len(p)))


def resampled_tweedie_deviance(resamples: Resamples, spend: Array, expected: Array) -> Array:
    """Return the mean Tweedie deviance of each resample."""
    return resamples.sums(tweedie_deviances(spend, expected)) / resamples.sums(np.ones(len(spend)))


def resampled_auc(resamples: Resamples, churned: Array, p: Array) -> Array:
    """Return the area under the ROC curve of each resample; NaN where only one outcome occurs."""
    churners, rows = resamples.sums(churned), resamples.sums(np.ones(len(p)))
    pairs = churners * (rows - churners)
    return _ratio(resamples.rank_areas(churned, p) - churners**2 / 2, pairs)


def resampled_gini(resamples: Resamples, spend: Array, expected: Array) -> Array:
    """Return the normalised Gini of each resample; NaN where all spend is equal."""
    half = resamples.sums(spend) * resamples.sums(np.ones(len(spend))) / 2
    return _ratio(resamples.rank_areas(spend, expected) - half, resamples.rank_areas(spend, spend) - half)


def _ratio(numerator: Array, denominator: Array) -> Array:
    ratio: Array = np.divide(numerator, denominator, out=np.full_like(numerator, np.nan), where=denominator != 0)
    return ratio
