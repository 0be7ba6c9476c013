"""Orders counted at what they are worth today: each at exp(-d u) for coming u later."""

from functools import partial

import numpy as np

from models.btyd.order_process import OrderProcess
from models.log_odds import Array

NODES = 40
FORGOTTEN = 40.0  # exp(-40): later orders count for nothing
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(NODES)
U, W = (_POINTS + 1) / 2, _WEIGHTS / 2


def discounted_orders(process: OrderProcess, x: Array, t_x: Array, T: Array, h: float, d: float) -> Array:  # noqa: N803  # the papers' symbol
    """Return the expected orders in (T, T + h], each times exp(-d u): h may be infinite, d is a rate per time, >= 0.

    To infinity this is the discounted expected residual transactions (DERT) of Fader, Hardie and Lee (2005), RFM and CLV,
    Journal of Marketing Research 42(4), doi:10.1509/jmkr.2005.42.4.415. Without discounting it is infinite where the model's
    mean lifetime is. With E(u) the orders expected until u, integration by parts gives

        exp(-d h) E(h) + d * integral of exp(-d u) E(u) over u from 0 to h,

    and E is smooth over v = ln(1 + u pace): a Gauss-Legendre sum over 40 moments.
    """
    return process.alive(x, t_x, T) * process.deduplicated(partial(_if_alive, process, d), x, T, h)


def _if_alive(process: OrderProcess, d: float, x: Array, T: Array, h: float) -> Array:  # noqa: N803
    if d == 0:
        return process.orders_if_alive(x, T, h) if np.isfinite(h) else process.orders_ever_if_alive(x, T)
    pace, end = process.max_rate(x, T), min(h, FORGOTTEN / d)
    span = np.log1p(end * pace)
    total = np.exp(-d * h) * process.orders_if_alive(x, T, h) if np.isfinite(h) else np.zeros_like(T)
    for point, weight in zip(U, W, strict=True):
        later = np.expm1(point * span) / pace
        total = total + weight * span * (later + 1 / pace) * d * np.exp(-d * later) * process.orders_if_alive(x, T, later)
    return total
