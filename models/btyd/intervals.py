"""Between which numbers a customer's orders, and what they bring, will lie: not only what is expected.

Two things make the future uncertain: the process itself, even with known parameters, and the parameters. The first is the
model's own distribution; the second is a mixture of it over `neighbours()` of the fitted model.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import elementwise
from scipy.special import betainc

from models.btyd.fitted_model import FittedModel
from models.btyd.gamma_gamma import GammaGamma, own_spend
from models.btyd.histories import arrays
from models.btyd.order_model import OrderModel
from models.btyd.threads import in_threads
from models.log_odds import Array

MAX_COUNTS = 24
FARTHEST = 0.999
BLOCK = 512
SURE = 0.03  # of logarithms: parameters known to three per cent leave one customer's interval as it is

Rows = NDArray[np.intp]
Model = TypeVar("Model", bound=FittedModel)


class Orders:
    """The number N of orders in (T, T + h] of each customer of a frame, parameters as uncertain as they are."""

    def __init__(self, model: OrderModel, frame: pl.DataFrame, h: float) -> None:
        """Prepare P(alive) under each of the model's neighbours."""
        self.x, self.t_x, self.T = arrays(frame)
        self.h = h
        self.processes = [each.process(frame) for each in _around(model)]
        self.alive = [process.alive(self.x, self.t_x, self.T) for process in self.processes]

    def p_at_least(self, n: Array, rows: Rows) -> Array:
        """P(N >= n) of the customers at these places, n >= 1."""
        x, T = self.x[rows], self.T[rows]  # noqa: N806  # the papers' symbol
        tails = (
            alive[rows] * process.of(rows).p_at_least_if_alive(x, T, self.h, n)
            for process, alive in zip(self.processes, self.alive, strict=True)
        )
        return sum(tails, np.zeros(len(x))) / len(self.processes)

    def p_some(self) -> Array:
        """P(N >= 1) of every customer."""
        some = (1 - process.p_no_order(self.x, self.t_x, self.T, self.h) for process in self.processes)
        return sum(some, np.zeros(len(self.x))) / len(self.processes)

    def quantile(self, confidence: float) -> Array:
        """Return the smallest n with P(N <= n) >= level."""
        low, high = np.zeros(len(self.x)), np.zeros(len(self.x))
        rows = np.flatnonzero(self.p_some() > 1 - confidence)
        low[rows] = high[rows] = 1
        while len(rows := rows[self.p_at_least(high[rows] + 1, rows) > 1 - confidence]):
            low[rows], high[rows] = high[rows] + 1, 2 * high[rows] + 1
        rows = np.flatnonzero(low < high)
        while len(rows):
            middle = np.floor((low[rows] + high[rows]) / 2)
            more = self.p_at_least(middle + 1, rows) > 1 - confidence
            low[rows], high[rows] = np.where(more, middle + 1, low[rows]), np.where(more, high[rows], middle)
            rows = rows[low[rows] < high[rows]]
        return low


def order_interval(model: OrderModel, frame: pl.DataFrame, h: float, confidence: float = 0.8) -> pl.DataFrame:
    """Return `orders_low` and `orders_high`, between which the orders in (T, T + h] lie with probability `level` or more.

    They are the quantiles at (1 - level) / 2 and (1 + level) / 2: with the default, 10 % and 90 %. Numbers of orders are
    whole, so that more than `level` of the customers lie within.
    """
    orders = Orders(model, frame, h)
    return pl.DataFrame(
        {"orders_low": orders.quantile((1 - confidence) / 2), "orders_high": orders.quantile((1 + confidence) / 2)}
    )


def value_interval(model: OrderModel, spend: GammaGamma, frame: pl.DataFrame, h: float, confidence: float = 0.8) -> pl.DataFrame:
    """Return `value_low` and `value_high`: the same for the total spend in (T, T + h], which is 0 without an order.

    The frame holds `monetary_value` too. n orders at a customer's own average sum to (gamma + x m) times a beta prime of
    (p n, q + p x), with m the average so far: each order is Gamma(p, v), and v is Gamma(q + p x, gamma + x m) (Fader and
    Hardie 2013, brucehardie.com/notes/025).
    """
    orders = Orders(model, frame, h)
    most = np.maximum(orders.quantile(FARTHEST), 1.0)
    spends = [own_spend(each, frame) for each in _around(spend)]

    def block(rows: Rows) -> list[Array]:
        counts, chances = _counts(orders, most[rows], rows)
        of_rows = [(p, shape[rows], scale[rows]) for p, shape, scale in spends]
        return [_value_quantile(counts, chances, of_rows, at) for at in ((1 - confidence) / 2, (1 + confidence) / 2)]

    in_order = np.argsort(most, kind="stable")
    found = in_threads(block, [in_order[at : at + BLOCK] for at in range(0, max(frame.height, 1), BLOCK)])
    back = np.argsort(in_order, kind="stable")
    low, high = (np.concatenate(column)[back] for column in zip(*found, strict=True))
    return pl.DataFrame({"value_low": low, "value_high": high})


def _around(model: Model) -> list[Model]:
    """The model's neighbours; itself where they would tell next to the same."""
    errors = list(model.relative_errors().values())
    return [model] if all(error < SURE for error in errors) else model.cubature_points()


Spend = tuple[float, Array, Array]  # p, and per customer the shape q + p x and the scale gamma + x m


def _counts(orders: Orders, most: Array, rows: Rows) -> tuple[Array, Array]:
    """Numbers of orders from 1 on, and their probabilities: arrays of shape (counts, rows).

    Beyond 24, neighbouring numbers stand together.
    """
    many = int(min(most.max(), MAX_COUNTS))
    edges = np.floor(np.linspace(1, most + 1, many + 1)) if many == MAX_COUNTS else np.arange(1.0, many + 2)[:, None] + 0 * most
    tails = np.array([orders.p_at_least(edge, rows) for edge in edges])
    tails[-1] = 0.0
    return np.maximum((edges[:-1] + edges[1:] - 1) / 2, 1.0), np.maximum(tails[:-1] - tails[1:], 0.0)


def _value_quantile(counts: Array, chances: Array, spends: Sequence[Spend], confidence: float) -> Array:
    """The value that is exceeded with probability 1 - level; 0 where an order is less likely than that."""

    def exceeded(log_value: Array, place: Array) -> Array:
        there = place.astype(np.int64)
        of_mean = np.zeros((len(counts), len(there)))
        for p, shape, scale in spends:
            share = np.exp(log_value) / (np.exp(log_value) + scale[there])
            of_mean += betainc(p * counts[:, there], shape[there], share)
        above: Array = (chances[:, there] * (1 - of_mean / len(spends))).sum(axis=0)
        return above - (1 - confidence)

    found = np.zeros(counts.shape[1])
    ever = np.flatnonzero(chances.sum(axis=0) > 1 - confidence + 1e-12)
    if len(ever):
        start = np.log(spends[0][2][ever])
        within = elementwise.bracket_root(exceeded, start - 2, start + 1, args=(ever.astype(np.float64),))
        root = elementwise.find_root(exceeded, within.bracket, args=(ever.astype(np.float64),), tolerances={"xatol": 1e-7})
        found[ever] = np.exp(root.x)
    return found
