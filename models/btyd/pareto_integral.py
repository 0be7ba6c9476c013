"""The integrals of the Pareto/NBD over the unknown time of leaving, by Gauss-Legendre quadrature.

Schmittlein, Morrison and Colombo (1987), doi:10.1287/mnsc.33.1.1, give the likelihood through Gauss' hypergeometric function,
which is slow and loses digits; Fader and Hardie (2005), A Note on Deriving the Pareto/NBD Model, brucehardie.com/notes/009,
show the integral it comes from. A customer who left at u had bought at rate Gamma(r, alpha) until then, and leaves at rate
Gamma(s, beta): against having stayed until T, the odds of having left in (t_x, T] are

    R = s * integral over u of ((alpha + T) / (alpha + u))^(r + x) * ((beta + T) / (beta + u))^s / (beta + u).

With c the smaller of alpha and beta and v = ln((c + u) / (c + t_x)), the integrand falls at a rate that only grows with v,
from D = (r + x) (c + t_x) / (alpha + t_x) + s (c + t_x) / (beta + t_x) on. The nodes lie evenly in 1 - exp(-D v / 4), where it
is smooth, up to where it has fallen by thirteen digits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.btyd.threads import in_threads
from models.log_odds import Array

NODES = 24
DIGITS = 30.0  # natural: thirteen decimal ones
BLOCK = 8_192
DAMPING = 4.0
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(NODES)
U, W = ((_POINTS + 1) / 2)[:, None], (_WEIGHTS / 2)[:, None]

Params = Sequence[float | Array] | Array  # r, alpha, s and beta: numbers, or one for each row


@dataclass(frozen=True)
class Odds:
    """ln R, and its derivatives in r, alpha, s and beta: arrays of one length; -inf and 0 where t_x = T."""

    log: Array
    r: Array
    alpha: Array
    s: Array
    beta: Array


def odds_of_leaving(params: Params, x: Array, t_x: Array, T: Array) -> Odds:  # noqa: N803  # the papers' symbol
    """Return ln R and its gradient for histories."""
    return Odds(*_in_blocks(_odds, params, x, t_x, T))


def log_odds_of_leaving(params: Params, x: Array, t_x: Array, T: Array) -> Array:  # noqa: N803
    """Return ln R alone."""
    return _in_blocks(lambda *block: _log_odds(*block)[:1], params, x, t_x, T)[0]


def p_order_if_alive(params: Params, x: Array, T: Array, h: Array) -> Array:  # noqa: N803
    """P(an order in (T, T + h]) of one alive at T: integral of E[l exp(-(l + m) t)] over t from 0 to h.

    Given life at T the rate of orders l is Gamma(r + x, alpha + T) and that of leaving m is Gamma(s, beta + T).
    """
    return _in_blocks(lambda *block: (_order_if_alive(*block),), params, x, T, h)[0]


def _in_blocks(work: Callable[..., tuple[Array, ...]], params: Params, *columns: Array) -> list[Array]:
    def block(at: int) -> list[Any]:
        of_block = [value[at : at + BLOCK] if isinstance(value, np.ndarray) and value.ndim else value for value in params]
        return [of_block, *(column[at : at + BLOCK] for column in columns)]

    blocks = [block(at) for at in range(0, max(len(columns[0]), 1), BLOCK)]
    found = in_threads(lambda block: work(*block), blocks)
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def _log_odds(params: Params, x: Array, t_x: Array, T: Array) -> tuple[Array, "_Nodes", Array, Array, Array]:  # noqa: N803
    """Ln R; the nodes, the logarithms of alpha + u and beta + u there, and each node's share of the integral."""
    r, alpha, s, beta = params
    nodes = _Nodes(params, x, t_x, T - t_x)
    log_alpha, log_beta = np.log(alpha + nodes.u), np.log(beta + nodes.u)
    top = np.log(alpha + t_x), np.log(beta + t_x)
    heights = nodes.weights * np.exp((r + x) * (top[0] - log_alpha) + (s + 1) * (top[1] - log_beta))
    total = heights.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(total > 0, heights / total, 0.0)
        log = np.log(s) + (r + x) * (np.log(alpha + T) - top[0]) + s * np.log(beta + T) - (s + 1) * top[1] + np.log(total)
    return log, nodes, log_alpha, log_beta, shares


def _odds(params: Params, x: Array, t_x: Array, T: Array) -> tuple[Array, ...]:  # noqa: N803
    r, alpha, s, beta = params
    log, nodes, log_alpha, log_beta, shares = _log_odds(params, x, t_x, T)
    return (
        log,
        np.log(alpha + T) - (shares * log_alpha).sum(axis=0),
        (r + x) * (1 / (alpha + T) - (shares / (alpha + nodes.u)).sum(axis=0)),
        1 / s + np.log(beta + T) - (shares * log_beta).sum(axis=0),
        s / (beta + T) - (s + 1) * (shares / (beta + nodes.u)).sum(axis=0),
    )


def _order_if_alive(params: Params, x: Array, T: Array, h: Array) -> Array:  # noqa: N803
    r, alpha, s, beta = params
    nodes = _Nodes(params, x, T, h)
    gone = (r + x + 1) * np.log((alpha + T) / (alpha + nodes.u)) + s * np.log((beta + T) / (beta + nodes.u))
    found: Array = (r + x) / (alpha + T) * (nodes.weights * np.exp(gone)).sum(axis=0)
    return np.minimum(found, 1.0)


class _Nodes:
    """Moments u from `start` on, at most `length` later, shape (nodes, rows), and the weights of an integral over u."""

    def __init__(self, params: Params, x: Array, start: Array, length: Array) -> None:
        r, alpha, s, beta = params
        least = np.minimum(alpha, beta)
        with np.errstate(over="ignore"):
            fallen = np.minimum((alpha + start) * np.expm1(DIGITS / (r + x)), (beta + start) * np.expm1(DIGITS / s))
        span = np.log1p(np.minimum(length, fallen) / (least + start))
        pace = ((r + x) / (alpha + start) + s / (beta + start)) * (least + start) / DAMPING
        covered = -np.expm1(-pace * span)
        left = 1 - U * covered
        after = (least + start) * left ** (-1 / pace)
        self.u = after - least
        self.weights = W * covered / pace / left * after
