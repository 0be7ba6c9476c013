"""Customers simulated from an order model: their observed history, and the orders that follow it."""

import numpy as np
import polars as pl

from features.frames.arrays import Array
from models.btyd.order_model import OrderModel


def simulate_orders(model: OrderModel, customers: pl.DataFrame, h: float, rng: np.random.Generator) -> pl.DataFrame:
    """Return `customers` with `frequency` and `recency` as observed by `T`, and `later_orders`, those in (T, T + h].

    `customers` holds `T`, and the columns of the model's covariates.
    """
    T = customers["T"].cast(pl.Float64).to_numpy()  # noqa: N806  # the papers' symbol
    rate, leaving_age, max_orders = model.process(customers).sample(len(T), rng)
    end = np.minimum(leaving_age, T + h)
    x, t_x, later = np.zeros(len(T)), np.zeros(len(T)), np.zeros(len(T))
    active, time = np.arange(len(T)), np.zeros(len(T))
    while len(active):
        time[active] += rng.exponential(1.0, len(active)) / rate[active]
        active = active[(time[active] <= end[active]) & (x[active] + later[active] < max_orders[active])]
        in_history, after_history = active[time[active] <= T[active]], active[time[active] > T[active]]
        x[in_history], t_x[in_history] = x[in_history] + 1, time[in_history]
        later[after_history] += 1
    return customers.with_columns(frequency=pl.Series(x), recency=pl.Series(t_x), later_orders=pl.Series(later))


def simulate_spend(p: float, q: float, gamma: float, orders: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return each Gamma-Gamma customer's total spend on this number of orders, and the customer's rate parameter v."""
    v = rng.gamma(q, 1 / gamma, len(orders))
    return np.where(orders > 0, rng.gamma(np.maximum(p * orders, 1e-9)) / v, 0.0), v
