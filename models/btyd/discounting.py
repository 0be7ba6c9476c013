"""Expected orders discounted to today: an order that comes u later counts exp(-d u)."""

from functools import partial

import numpy as np

from features.frames.arrays import Array
from models.btyd.order_process import FunctionIfAlive, OrderProcess, OrdersIfAlive

NODE_COUNT = 40
MAX_DISCOUNT_EXPONENT = 40.0  # orders discounted by more than exp(-40) are negligible
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(NODE_COUNT)
UNIT_NODES, UNIT_WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2


def discounted_orders(process: OrderProcess, x: Array, t_x: Array, T: Array, h: float, d: float) -> Array:  # noqa: N803  # the papers' symbol
    """Return the expected orders in (T, T + h], each weighted by exp(-d u), u after T.

    h may be infinite; d is a rate per unit of time, >= 0. With h infinite this is the discounted expected residual
    transactions (DERT) of Fader, Hardie and Lee (2005), RFM and CLV, Journal of Marketing Research 42(4),
    doi:10.1509/jmkr.2005.42.4.415. With d = 0 as well it is infinite where the model's mean lifetime is infinite. With E(u)
    the orders expected until u, integration by parts gives

        exp(-d h) E(h) + d * integral of exp(-d u) E(u) over u from 0 to h.

    E is smooth in v = ln(1 + u max_rate), so a Gauss-Legendre rule with 40 nodes in v is accurate.
    """

    def discounted(orders: OrdersIfAlive) -> FunctionIfAlive:
        return partial(_discounted_orders_if_alive, orders, d)

    return process.p_alive(x, t_x, T) * process.if_alive(discounted, x, t_x, T, h)


def _discounted_orders_if_alive(orders: OrdersIfAlive, d: float, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
    if d == 0:
        return orders.expected_orders_if_alive(x, T, h) if np.isfinite(h) else orders.residual_orders_if_alive(x, T)
    rate, end = orders.max_rate(x, T), min(float(h), MAX_DISCOUNT_EXPONENT / d)
    span = np.log1p(end * rate)
    total = np.exp(-d * h) * orders.expected_orders_if_alive(x, T, h) if np.isfinite(h) else np.zeros_like(T)
    for node, weight in zip(UNIT_NODES, UNIT_WEIGHTS, strict=True):
        u = np.expm1(node * span) / rate
        total = total + weight * span * (u + 1 / rate) * d * np.exp(-d * u) * orders.expected_orders_if_alive(x, T, u)
    return total
