"""How many orders many customers will make together, and what they bring, with intervals; and how a cohort grows."""

from collections.abc import Sequence
from math import sqrt

import numpy as np
import polars as pl
from scipy.stats import norm

from models.btyd.gamma_gamma import GammaGamma, own_spend
from models.btyd.histories import arrays
from models.btyd.order_model import OrderModel
from models.log_odds import Array


def total_orders(model: OrderModel, frame: pl.DataFrame, horizons: Sequence[float], confidence: float = 0.8) -> pl.DataFrame:
    """Return `horizon`, `expected`, `low` and `high`: the orders of all customers of a frame together, in (T, T + horizon].

    A sum of many is nearly normal. Its variance is that of the customers' own numbers, who act each by itself, and that of
    the total's mean over `neighbours()` of the model, which moves all of them together.
    """
    history, weight = arrays(frame), _weight(frame)
    processes = [each.process(frame) for each in (model, *model.cubature_points())]

    def moments(h: float) -> tuple[Array, Array]:
        means = [float(weight @ process.orders(*history, h)) for process in processes]
        own = [float(weight @ process.variance(*history, h)) for process in processes[1:]]
        return np.array(means), np.array(own)

    return _totals(horizons, [moments(h) for h in horizons], confidence)


def total_value(
    model: OrderModel, spend: GammaGamma, frame: pl.DataFrame, horizons: Sequence[float], confidence: float = 0.8
) -> pl.DataFrame:
    """Return the same of what the customers spend; the frame holds `monetary_value` too.

    With N orders at an average of p / v each, v of Gamma(q', g'), a customer's variance is
    E[N] p E[1/v^2] + E[N^2] p^2 E[1/v^2] - (E[N] p E[1/v])^2. Where q' is 2 or less it is infinite, and `high` with it.
    """
    history, weight = arrays(frame), _weight(frame)
    around = model.cubature_points()
    pairs = [(model, spend), *((each, spend) for each in around), *((model, each) for each in spend.cubature_points())]
    processes = [orders.process(frame) for orders, _ in pairs]
    moments_of_spend = [_inverse_moments(each, frame) for _, each in pairs]

    def moments(h: float) -> tuple[Array, Array]:
        means, own = [], []
        for process, (p, first, second) in zip(processes, moments_of_spend, strict=True):
            mean = process.orders(*history, h)
            square = process.variance(*history, h) + mean**2
            means.append(float(weight @ (mean * p * first)))
            spread = np.where(mean > 0, mean * p + square * p**2, np.nan) * second - (mean * p * first) ** 2
            own.append(float(weight @ np.where(mean > 0, spread, 0.0)))
        return np.array(means), np.array(own[1:])

    return _totals(horizons, [moments(h) for h in horizons], confidence, parts=(len(around), len(pairs) - 1 - len(around)))


def cohort_orders(model: OrderModel, ages: pl.Series, weight: pl.Series | None = None) -> float:
    """Return the repeat orders expected of customers from their first order to these ages; a negative age counts for none.

    Before anything is known of them but the day of their first order: what the papers track a fit by.
    """
    by_age = pl.DataFrame({"age": ages, "weight": [1.0] * len(ages) if weight is None else weight})
    seen = by_age.filter(pl.col("age") > 0).group_by("age").agg(pl.col("weight").sum()).sort("age")
    return float(model.expected_orders_of_new(seen["age"].to_list()).to_numpy() @ seen["weight"].to_numpy())


def _totals(
    horizons: Sequence[float], moments: Sequence[tuple[Array, Array]], confidence: float, parts: tuple[int, ...] = ()
) -> pl.DataFrame:
    rows = []
    for h, (means, own) in zip(horizons, moments, strict=True):
        ends = np.cumsum(parts or (len(own),))
        moved = sum(float(np.var(group)) for group in np.split(means[1:], ends[:-1]))
        off = float(norm.ppf((1 + confidence) / 2)) * sqrt(float(own.mean()) + moved)
        rows.append((float(h), means[0], max(means[0] - off, 0.0), means[0] + off))
    return pl.DataFrame(rows, schema=["horizon", "expected", "low", "high"], orient="row")


def _inverse_moments(spend: GammaGamma, frame: pl.DataFrame) -> tuple[float, Array, Array]:
    """p, E[1 / v] and E[1 / v^2] of each customer; infinite where they do not exist."""
    p, shape, scale = own_spend(spend, frame)
    first = np.where(shape > 1, scale / np.where(shape > 1, shape - 1, 1), np.inf)
    second = np.where(shape > 2, scale**2 / np.where(shape > 2, (shape - 1) * (shape - 2), 1), np.inf)  # noqa: PLR2004  # in the formula
    return p, first, second


def _weight(frame: pl.DataFrame) -> Array:
    return frame["weight"].cast(pl.Float64).to_numpy() if "weight" in frame.columns else np.ones(frame.height)
