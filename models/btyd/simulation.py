"""Customers drawn from an order model: what was seen of them, and what they then did."""

import numpy as np
import polars as pl

from models.btyd.order_model import OrderModel
from models.log_odds import Array


def simulate(model: OrderModel, customers: pl.DataFrame, h: float, rng: np.random.Generator) -> pl.DataFrame:
    """Return `customers` with `frequency` and `recency` as seen within `T`, and `later_orders`, those in (T, T + h].

    `customers` holds `T`, and the columns of the model's covariates.
    """
    T = customers["T"].cast(pl.Float64).to_numpy()  # noqa: N806  # the papers' symbol
    rate, leaves, most = model.process(customers).sample(len(T), rng)
    until = np.minimum(leaves, T + h)
    x, last, later = np.zeros(len(T)), np.zeros(len(T)), np.zeros(len(T))
    here, now = np.arange(len(T)), np.zeros(len(T))
    while len(here):
        now[here] += rng.exponential(1.0, len(here)) / rate[here]
        here = here[(now[here] <= until[here]) & (x[here] + later[here] < most[here])]
        seen, after = here[now[here] <= T[here]], here[now[here] > T[here]]
        x[seen], last[seen] = x[seen] + 1, now[seen]
        later[after] += 1
    return customers.with_columns(frequency=pl.Series(x), recency=pl.Series(last), later_orders=pl.Series(later))


def spend_of(p: float, q: float, gamma: float, orders: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return, for customers of a Gamma-Gamma, the total of so many orders, and each one's own rate of spend."""
    own = rng.gamma(q, 1 / gamma, len(orders))
    return np.where(orders > 0, rng.gamma(np.maximum(p * orders, 1e-9)) / own, 0.0), own
