"""Forecasts for many customers together: their total orders and spend with intervals, and the growth of a cohort."""

from collections.abc import Sequence
from math import sqrt

import numpy as np
import polars as pl
from scipy.stats import norm

from features.frames.arrays import Array
from models.btyd.gamma_gamma import GammaGamma, spend_posterior
from models.btyd.histories import history_arrays
from models.btyd.order_model import OrderModel


def total_orders(model: OrderModel, frame: pl.DataFrame, horizons: Sequence[float], confidence: float = 0.8) -> pl.DataFrame:
    """Return `horizon`, `expected`, `low` and `high`: the orders of all customers of a frame together, in (T, T + horizon].

    The total is approximately normal. Its variance has two parts. The first is the sum of the customers' own variances, as
    they act independently. The second is the variance of the expected total over `cubature_points()` of the model, which
    moves all customers together.
    """
    history, weights = history_arrays(frame), _weights(frame)
    processes = [variant.process(frame) for variant in (model, *model.cubature_points())]

    def moments(h: float) -> tuple[Array, Array]:
        means = [float(weights @ process.expected_orders(*history, h)) for process in processes]
        variances = [float(weights @ process.variance(*history, h)) for process in processes[1:]]
        return np.array(means), np.array(variances)

    return _total_intervals(horizons, [moments(h) for h in horizons], confidence)


def total_value(
    model: OrderModel, spend: GammaGamma, frame: pl.DataFrame, horizons: Sequence[float], confidence: float = 0.8
) -> pl.DataFrame:
    """Return `horizon`, `expected`, `low` and `high` of the customers' total spend; the frame holds `monetary_value` too.

    With N orders at a mean of p / v each and v of Gamma(q', g'), a customer's variance is
    E[N] p E[1/v^2] + E[N^2] p^2 E[1/v^2] - (E[N] p E[1/v])^2. Where q' is 2 or less the variance and `high` are infinite.
    """
    history, weights = history_arrays(frame), _weights(frame)
    model_variants, spend_variants = model.cubature_points(), spend.cubature_points()
    pairs = [
        (model, spend),
        *((variant, spend) for variant in model_variants),
        *((model, variant) for variant in spend_variants),
    ]
    processes = [order_model.process(frame) for order_model, _ in pairs]
    spend_moments = [_inverse_moments(spend_model, frame) for _, spend_model in pairs]

    def moments(h: float) -> tuple[Array, Array]:
        means, variances = [], []
        for process, (p, first, second) in zip(processes, spend_moments, strict=True):
            mean = process.expected_orders(*history, h)
            mean_square = process.variance(*history, h) + mean**2
            means.append(float(weights @ (mean * p * first)))
            variance = np.where(mean > 0, mean * p + mean_square * p**2, np.nan) * second - (mean * p * first) ** 2
            variances.append(float(weights @ np.where(mean > 0, variance, 0.0)))
        return np.array(means), np.array(variances[1:])

    group_sizes = (len(model_variants), len(spend_variants))
    return _total_intervals(horizons, [moments(h) for h in horizons], confidence, group_sizes)


def cohort_orders(model: OrderModel, ages: pl.Series, weight: pl.Series | None = None) -> float:
    """Return the repeat orders expected of customers from their first order to these ages; a negative age counts as none.

    Only the day of the first order is known of a customer; the papers track a fit over time with this expectation.
    """
    customers = pl.DataFrame({"age": ages, "weight": [1.0] * len(ages) if weight is None else weight})
    by_age = customers.filter(pl.col("age") > 0).group_by("age").agg(pl.col("weight").sum()).sort("age")
    return float(model.expected_orders_of_new(by_age["age"].to_list()).to_numpy() @ by_age["weight"].to_numpy())


def _total_intervals(
    horizons: Sequence[float], moments: Sequence[tuple[Array, Array]], confidence: float, group_sizes: tuple[int, ...] = ()
) -> pl.DataFrame:
    """Return the intervals, one row per horizon.

    `moments` holds the expected total of the model and of each variant, and the own variances of the variants.
    `group_sizes` splits the variants into independent sources of uncertainty; by default there is one.
    """
    rows = []
    for h, (means, variances) in zip(horizons, moments, strict=True):
        group_ends = np.cumsum(group_sizes or (len(variances),))
        parameter_variance = sum(float(np.var(group)) for group in np.split(means[1:], group_ends[:-1]))
        margin = float(norm.ppf((1 + confidence) / 2)) * sqrt(float(variances.mean()) + parameter_variance)
        rows.append((float(h), means[0], max(means[0] - margin, 0.0), means[0] + margin))
    return pl.DataFrame(rows, schema=["horizon", "expected", "low", "high"], orient="row")


def _inverse_moments(spend: GammaGamma, frame: pl.DataFrame) -> tuple[float, Array, Array]:
    """Return p, and E[1 / v] and E[1 / v^2] of each customer; infinite where they do not exist."""
    p, shape, rate = spend_posterior(spend, frame)
    first = np.where(shape > 1, rate / np.where(shape > 1, shape - 1, 1), np.inf)
    second = np.where(shape > 2, rate**2 / np.where(shape > 2, (shape - 1) * (shape - 2), 1), np.inf)  # noqa: PLR2004  # in the formula
    return p, first, second


def _weights(frame: pl.DataFrame) -> Array:
    return frame["weight"].cast(pl.Float64).to_numpy() if "weight" in frame.columns else np.ones(frame.height)
