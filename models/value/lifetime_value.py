"""Lifetime value from BG/NBD and Gamma-Gamma, given that the customer stays or leaves in the churn window."""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import digamma, polygamma
from scipy.stats import gamma

from models.btyd.discounting import discounted_orders
from models.btyd.order_process import OrderProcess
from models.btyd.pair import BuyTillYouDie
from models.log_odds import EDGE, Array
from settings.sections import Value

DAYS_PER_YEAR = 365.0
MAX_CORRECTED = 10.0


@dataclass(frozen=True)
class ValueTerms:
    """What a purchase is worth and how far ahead it counts; days, a share, and a yearly rate."""

    horizon_days: int
    churn_horizon_days: int
    margin: float
    annual_discount_rate: float


def value_terms(value: Value, churn_horizon_days: int) -> ValueTerms:
    """Return the terms of the configuration, with the churn horizon that the model was trained for."""
    return ValueTerms(value.horizon_days, churn_horizon_days, value.margin, value.annual_discount_rate)


def value_frame(
    btyd: BuyTillYouDie,
    features: pl.DataFrame,
    p_churn: pl.Series,
    terms: ValueTerms,
    gamma_shape: float,
    spend_ahead: pl.Series | None = None,
) -> pl.DataFrame:
    """Return expected_orders, expected_value, value_low, value_high, value_if_stays, value_if_leaves, next_order_*.

    All over `terms.horizon_days` from the features' as-of date, in currency except the orders; the next
    order is in days from then, infinite where it never comes. value_low and value_high are the 10 % and 90 %
    quantiles of a gamma distribution with shape `spread`, given any purchase, and 0 without one.
    `spend_ahead`, what a value model expects within the churn horizon, corrects the spend per order, by a factor of ten at
    most: it is what the order models would have to say to expect as much.

    With S the model's survival of silence, the customer's own is S^g with g chosen so that S^g is `p_churn`
    at the churn horizon: the waiting times agree with the probability that is shown.
    """
    x, t_x, T = (features[name].cast(pl.Float64).to_numpy() for name in ("frequency", "recency", "T"))  # noqa: N806  # the paper's symbol
    churn = np.clip(p_churn.to_numpy(), EDGE, 1 - EDGE)
    per_order = btyd.spend.expected_spend(features).to_numpy() * terms.margin
    process = btyd.orders.process(features)
    if spend_ahead is not None:
        near = process.orders(x, t_x, T, terms.churn_horizon_days) / np.maximum(
            1 - process.p_no_order(x, t_x, T, terms.churn_horizon_days), EDGE
        )
        told = np.maximum((1 - churn) * near * per_order, EDGE)
        per_order = per_order * np.clip(spend_ahead.to_numpy() * terms.margin / told, 1 / MAX_CORRECTED, MAX_CORRECTED)
    stays, leaves = conditional_orders(process, (x, t_x, T), terms, discounted=True)
    plain_stays, plain_leaves = conditional_orders(process, (x, t_x, T), terms, discounted=False)
    power = np.log(churn) / np.log(np.clip(process.p_no_order(x, t_x, T, terms.churn_horizon_days), EDGE, 1 - EDGE))
    value = per_order * ((1 - churn) * stays + churn * leaves)
    silent = process.p_no_order(x, t_x, T, terms.horizon_days) ** power
    low, high = (_quantile(value, silent, gamma_shape, at) for at in (0.10, 0.90))
    waits = {name: process.waiting_time(x, t_x, T, (1 - at) ** (1 / power)) for name, at in WAITS.items()}
    return pl.DataFrame(
        {
            "expected_orders": (1 - churn) * plain_stays + churn * plain_leaves,
            "expected_value": value,
            "value_low": low,
            "value_high": high,
            "value_if_stays": per_order * stays,
            "value_if_leaves": per_order * leaves,
            "p_order_in_horizon": 1 - silent,
            **waits,
        }
    )


WAITS = {"next_order_low": 0.10, "next_order_days": 0.50, "next_order_high": 0.90}


def conditional_orders(
    process: OrderProcess, history: tuple[Array, Array, Array], terms: ValueTerms, *, discounted: bool
) -> tuple[Array, Array]:
    """Return E[orders over the value horizon], given an order within the churn horizon H and given none.

    A customer who stays silent until H is the same customer seen at T + H, so the second is the model's own
    expectation from there; the first follows from the law of total expectation, and is at least one order.
    A value horizon within the churn horizon leaves nothing to those who leave.
    """
    x, t_x, T = history  # noqa: N806  # the paper's symbol
    churn_h, horizon = terms.churn_horizon_days, terms.horizon_days
    rate = math.log1p(terms.annual_discount_rate) / DAYS_PER_YEAR if discounted else 0.0
    everyone = discounted_orders(process, x, t_x, T, horizon, rate)
    silent = process.p_no_order(x, t_x, T, churn_h)
    if horizon <= churn_h:
        return everyone / np.maximum(1 - silent, EDGE), np.zeros_like(x)
    later = math.exp(-rate * churn_h)
    leaves = later * discounted_orders(process, x, t_x, T + churn_h, horizon - churn_h, rate)
    stays = (everyone - silent * leaves) / np.maximum(1 - silent, EDGE)
    return np.maximum(stays, later), leaves


def fit_gamma_shape(expected: Array, actual: Array) -> float:
    """Return the gamma shape of actual spend around its expectation, over customers with both above 0.

    Maximum likelihood by Minka (2002), Estimating a Gamma distribution, after scaling the expectation to be
    right on average. Between 0.2 and 20; 1 where fewer than ten customers can tell.
    """
    seen = (expected > 0) & (actual > 0)
    if seen.sum() < 10:  # noqa: PLR2004  # stated in the docstring
        return 1.0
    ratio = actual[seen] / expected[seen]
    ratio = ratio / ratio.mean()
    gap = max(-float(np.log(ratio).mean()), EDGE)
    shape = (3 - gap + math.sqrt((gap - 3) ** 2 + 24 * gap)) / (12 * gap)
    for _ in range(5):
        step = (math.log(shape) - float(digamma(shape)) - gap) / (1 / shape - float(polygamma(1, shape)))
        shape = max(shape - step, shape / 2)
    return min(max(shape, 0.2), 20.0)


def _quantile(mean: Array, silent: Array, shape: float, at: float) -> Array:
    """Quantile of a value that is 0 with probability `silent`, else gamma with this overall mean."""
    share = np.clip((at - silent) / np.maximum(1 - silent, EDGE), 0, 1)
    quantile = np.asarray(gamma.ppf(share, shape, scale=mean / np.maximum(1 - silent, EDGE) / shape))
    return np.where(share > 0, quantile, 0.0)
