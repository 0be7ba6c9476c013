"""Intervals for one customer's future orders and spend, beyond their expectations.

The future is uncertain for two reasons: the process itself, even with known parameters, and the parameters. The first is the
model's own distribution. The second is a mixture of that distribution over `cubature_points()` of the fitted model.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import elementwise
from scipy.special import betainc

from features.frames.arrays import Array
from models.btyd.fitted_model import FittedModel
from models.btyd.gamma_gamma import GammaGamma, spend_posterior
from models.btyd.histories import history_arrays
from models.btyd.order_model import OrderModel
from models.threads import map_in_threads

MAX_COUNTS = 24
TAIL_QUANTILE = 0.999
BLOCK_ROWS = 512
NEGLIGIBLE_LOG_STD = 0.03  # parameters known to three per cent do not change one customer's interval

Rows = NDArray[np.intp]
Model = TypeVar("Model", bound=FittedModel)
SpendPosterior = tuple[float, Array, Array]  # p, and per customer the shape q + p x and the rate gamma + x m


class OrderDistribution:
    """The distribution of N, each customer's orders in (T, T + h], including the uncertainty of the parameters."""

    def __init__(self, model: OrderModel, frame: pl.DataFrame, h: float) -> None:
        """Compute P(alive) under each plausible model."""
        self.x, self.t_x, self.T = history_arrays(frame)
        self.h = h
        self.processes = [variant.process(frame) for variant in _plausible_models(model)]
        self.p_alive = [process.p_alive(self.x, self.t_x, self.T) for process in self.processes]

    def p_at_least(self, n: Array, rows: Rows) -> Array:
        """Return P(N >= n) of the customers at these row indices, n >= 1."""
        x, t_x, T = self.x[rows], self.t_x[rows], self.T[rows]  # noqa: N806  # the papers' symbol
        tails = (
            p_alive[rows] * process.subset(rows).tail(x, t_x, T, self.h, n)
            for process, p_alive in zip(self.processes, self.p_alive, strict=True)
        )
        return sum(tails, np.zeros(len(x))) / len(self.processes)

    def p_any(self) -> Array:
        """Return P(N >= 1) of every customer."""
        tails = (1 - process.p_no_order(self.x, self.t_x, self.T, self.h) for process in self.processes)
        return sum(tails, np.zeros(len(self.x))) / len(self.processes)

    def quantile(self, probability: float) -> Array:
        """Return the smallest n with P(N <= n) >= probability, by doubling and bisection."""
        low, high = np.zeros(len(self.x)), np.zeros(len(self.x))
        rows = np.flatnonzero(self.p_any() > 1 - probability)
        low[rows] = high[rows] = 1
        while len(rows := rows[self.p_at_least(high[rows] + 1, rows) > 1 - probability]):
            low[rows], high[rows] = high[rows] + 1, 2 * high[rows] + 1
        rows = np.flatnonzero(low < high)
        while len(rows):
            middle = np.floor((low[rows] + high[rows]) / 2)
            above = self.p_at_least(middle + 1, rows) > 1 - probability
            low[rows], high[rows] = np.where(above, middle + 1, low[rows]), np.where(above, high[rows], middle)
            rows = rows[low[rows] < high[rows]]
        return low


def order_interval(model: OrderModel, frame: pl.DataFrame, h: float, confidence: float = 0.8) -> pl.DataFrame:
    """Return `orders_low` and `orders_high`, which contain the orders in (T, T + h] with at least this probability.

    They are the quantiles at (1 - confidence) / 2 and (1 + confidence) / 2: by default 10 % and 90 %. Order counts are whole
    numbers, so the intervals contain more than `confidence` of the customers.
    """
    orders = OrderDistribution(model, frame, h)
    return pl.DataFrame(
        {"orders_low": orders.quantile((1 - confidence) / 2), "orders_high": orders.quantile((1 + confidence) / 2)}
    )


def value_interval(model: OrderModel, spend: GammaGamma, frame: pl.DataFrame, h: float, confidence: float = 0.8) -> pl.DataFrame:
    """Return `value_low` and `value_high`: the same quantiles of total spend in (T, T + h], which is 0 without an order.

    The frame holds `monetary_value` too. The sum of n orders is (gamma + x m) times a beta prime of (p n, q + p x), with m the
    customer's mean spend so far: an order is Gamma(p, v), and v is Gamma(q + p x, gamma + x m) (Fader and Hardie 2013,
    brucehardie.com/notes/025).
    """
    orders = OrderDistribution(model, frame, h)
    max_counts = np.maximum(orders.quantile(TAIL_QUANTILE), 1.0)
    posteriors = [spend_posterior(variant, frame) for variant in _plausible_models(spend)]

    def block_quantiles(rows: Rows) -> list[Array]:
        counts, probabilities = _count_distribution(orders, max_counts[rows], rows)
        row_posteriors = [(p, shape[rows], rate[rows]) for p, shape, rate in posteriors]
        levels = ((1 - confidence) / 2, (1 + confidence) / 2)
        return [_value_quantile(counts, probabilities, row_posteriors, level) for level in levels]

    order = np.argsort(max_counts, kind="stable")  # rows of a block then need about as many counts
    blocks = [order[start : start + BLOCK_ROWS] for start in range(0, max(frame.height, 1), BLOCK_ROWS)]
    quantiles = map_in_threads(block_quantiles, blocks)
    inverse_order = np.argsort(order, kind="stable")
    low, high = (np.concatenate(column)[inverse_order] for column in zip(*quantiles, strict=True))
    return pl.DataFrame({"value_low": low, "value_high": high})


def _plausible_models(model: Model) -> list[Model]:
    """Return the model's cubature points, or only the model where its parameters are known well."""
    errors = list(model.relative_errors().values())
    return [model] if all(error < NEGLIGIBLE_LOG_STD for error in errors) else model.cubature_points()


def _count_distribution(orders: OrderDistribution, max_counts: Array, rows: Rows) -> tuple[Array, Array]:
    """Return order counts from 1 on, and their probabilities: arrays of shape (counts, rows).

    Above 24 counts, neighbouring counts are merged.
    """
    size = int(min(max_counts.max(), MAX_COUNTS))
    if size == MAX_COUNTS:
        edges = np.floor(np.linspace(1, max_counts + 1, size + 1))
    else:
        edges = np.arange(1.0, size + 2)[:, None] + 0 * max_counts
    tails = np.array([orders.p_at_least(edge, rows) for edge in edges])
    tails[-1] = 0.0
    return np.maximum((edges[:-1] + edges[1:] - 1) / 2, 1.0), np.maximum(tails[:-1] - tails[1:], 0.0)


def _value_quantile(counts: Array, probabilities: Array, posteriors: Sequence[SpendPosterior], level: float) -> Array:
    """Return the value that is exceeded with probability 1 - level; 0 where an order is less likely than that."""

    def excess_probability(log_value: Array, index: Array) -> Array:
        columns = index.astype(np.int64)
        below = np.zeros((len(counts), len(columns)))
        for p, shape, rate in posteriors:
            share = np.exp(log_value) / (np.exp(log_value) + rate[columns])
            below += betainc(p * counts[:, columns], shape[columns], share)
        exceeded: Array = (probabilities[:, columns] * (1 - below / len(posteriors))).sum(axis=0)
        return exceeded - (1 - level)

    values = np.zeros(counts.shape[1])
    positive = np.flatnonzero(probabilities.sum(axis=0) > 1 - level + 1e-12)
    if len(positive):
        start, arguments = np.log(posteriors[0][2][positive]), (positive.astype(np.float64),)
        bracket = elementwise.bracket_root(excess_probability, start - 2, start + 1, args=arguments)
        root = elementwise.find_root(excess_probability, bracket.bracket, args=arguments, tolerances={"xatol": 1e-7})
        values[positive] = np.exp(root.x)
    return values
