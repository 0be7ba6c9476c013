"""Lifetime value from BG/NBD and Gamma-Gamma, given that the customer stays or leaves in the churn window."""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import digamma, polygamma

from features.frames.arrays import Array
from models.btyd.discounting import discounted_orders
from models.btyd.histories import history_arrays
from models.btyd.order_process import OrderProcess
from models.btyd.pair import BuyTillYouDie
from models.log_odds import MIN_PROBABILITY
from settings.sections import Value

DAYS_PER_YEAR = 365.0
MAX_CORRECTED = 10.0
MIN_POSITIVE = 1e-6  # keeps divisors and logarithms finite
MIN_BUYERS_FOR_SHAPE, DEFAULT_SHAPE, MIN_SHAPE, MAX_SHAPE = 10, 1.0, 0.2, 20.0


@dataclass(frozen=True)
class ValueTerms:
    """What a purchase is worth and how far ahead it counts: two horizons in days, a share, and a yearly rate."""

    horizon_days: int
    churn_horizon_days: int
    margin: float
    annual_discount_rate: float


def value_terms(value: Value, churn_horizon_days: int) -> ValueTerms:
    """Return the terms of the configuration, with the churn horizon that the model was trained for."""
    return ValueTerms(
        horizon_days=value.horizon_days,
        churn_horizon_days=churn_horizon_days,
        margin=value.margin,
        annual_discount_rate=value.annual_discount_rate,
    )


def value_frame(
    btyd: BuyTillYouDie,
    features: pl.DataFrame,
    p_churn: pl.Series,
    terms: ValueTerms,
    spend_ahead: pl.Series | None = None,
) -> pl.DataFrame:
    """Return one row per customer with expected_orders, expected_value, value_if_stays and value_if_leaves.

    Everything covers `terms.horizon_days` from the features' as-of date. Values are margins in currency: expected_value and,
    given the churn outcome, value_if_stays and value_if_leaves.

    `spend_ahead` is the spend within the churn horizon that a value model expects. Spend per order is scaled to agree with it,
    by a factor of ten at most.
    """
    x, t_x, T = customers = history_arrays(features)  # noqa: N806  # the paper's symbol
    churn = np.clip(p_churn.to_numpy(), MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    process = btyd.orders.process(features)
    p_no_order = process.p_no_order(x, t_x, T, terms.churn_horizon_days)
    per_order = btyd.spend.expected_spend(features).to_numpy() * terms.margin
    if spend_ahead is not None:
        orders_ahead = process.expected_orders(x, t_x, T, terms.churn_horizon_days)
        orders_if_any = orders_ahead / np.maximum(1 - p_no_order, MIN_PROBABILITY)
        per_order = _corrected(per_order, (1 - churn) * orders_if_any, spend_ahead.to_numpy() * terms.margin)
    stays, leaves = conditional_orders(process, customers, terms, discounted=True)
    undiscounted_stays, undiscounted_leaves = conditional_orders(process, customers, terms, discounted=False)
    return pl.DataFrame(
        {
            "expected_orders": (1 - churn) * undiscounted_stays + churn * undiscounted_leaves,
            "expected_value": per_order * ((1 - churn) * stays + churn * leaves),
            "value_if_stays": per_order * stays,
            "value_if_leaves": per_order * leaves,
        }
    )


def spend_within(
    btyd: BuyTillYouDie, features: pl.DataFrame, p_churn: pl.Series, horizon_days: int, spend_ahead: pl.Series | None
) -> pl.Series:
    """Return the expected spend within the churn horizon, before margin and discount, as `value_frame` values it."""
    terms = ValueTerms(horizon_days=horizon_days, churn_horizon_days=horizon_days, margin=1.0, annual_discount_rate=0.0)
    return value_frame(btyd, features, p_churn, terms, spend_ahead)["expected_value"]


def _corrected(per_order: Array, expected_orders: Array, expected_value: Array) -> Array:
    """Return values per order that give `expected_value` for so many orders, changed by a factor of ten at most."""
    factor = expected_value / np.maximum(expected_orders * per_order, MIN_POSITIVE)
    corrected: Array = per_order * np.clip(factor, 1 / MAX_CORRECTED, MAX_CORRECTED)
    return corrected


def conditional_orders(
    process: OrderProcess, customers: tuple[Array, Array, Array], terms: ValueTerms, *, discounted: bool
) -> tuple[Array, Array]:
    """Return E[orders over the value horizon], given an order within the churn horizon H, and given none.

    `customers` are the arrays x, t_x, T. A customer silent until H is the same customer observed at T + H, so the second is the
    model's own expectation from there. The first follows from the law of total expectation, and is at least one order (at least
    one discounted from H). If the value horizon is within the churn horizon, the second is 0.
    """
    x, t_x, T = customers  # noqa: N806  # the paper's symbol
    churn_h, h = terms.churn_horizon_days, terms.horizon_days
    rate = math.log1p(terms.annual_discount_rate) / DAYS_PER_YEAR if discounted else 0.0
    expected = discounted_orders(process, x, t_x, T, h, rate)
    p_no_order = process.p_no_order(x, t_x, T, churn_h)
    p_order = np.maximum(1 - p_no_order, MIN_PROBABILITY)
    if h <= churn_h:
        return expected / p_order, np.zeros_like(x)
    discount = math.exp(-rate * churn_h)
    leaves = discount * discounted_orders(process, x, t_x, T + churn_h, h - churn_h, rate)
    stays = (expected - p_no_order * leaves) / p_order
    return np.maximum(stays, discount), leaves


def fit_gamma_shape(expected: Array, actual: Array) -> float:
    """Return the gamma shape of actual spend around its expectation, over customers with both above 0.

    Maximum likelihood by Minka (2002), Estimating a Gamma distribution, after scaling the expectation to be
    right on average. Clipped to [0.2, 20]; 1 with fewer than ten such customers.
    """
    positive = (expected > 0) & (actual > 0)
    if positive.sum() < MIN_BUYERS_FOR_SHAPE:
        return DEFAULT_SHAPE
    ratio = actual[positive] / expected[positive]
    ratio = ratio / ratio.mean()
    gap = max(-float(np.log(ratio).mean()), MIN_POSITIVE)  # log of the mean minus mean of the log
    shape = (3 - gap + math.sqrt((gap - 3) ** 2 + 24 * gap)) / (12 * gap)
    for _ in range(5):
        step = (math.log(shape) - float(digamma(shape)) - gap) / (1 / shape - float(polygamma(1, shape)))
        shape = max(shape - step, shape / 2)
    return min(max(shape, MIN_SHAPE), MAX_SHAPE)
