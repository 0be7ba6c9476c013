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

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from models.log_odds import Array

NODES = 24
DIGITS = 30.0  # natural: thirteen decimal ones
BLOCK = 8_192
DAMPING = 4.0
THREADS = 2
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(NODES)
U, W = ((_POINTS + 1) / 2)[:, None], (_WEIGHTS / 2)[:, None]


@dataclass(frozen=True)
class Odds:
    """ln R, and its derivatives in r, alpha, s and beta: arrays of one length; -inf and 0 where t_x = T."""

    log: Array
    r: Array
    alpha: Array
    s: Array
    beta: Array


def log_odds_of_leaving(params: Array, x: Array, t_x: Array, T: Array) -> Odds:  # noqa: N803  # the papers' symbol
    """Return ln R and its gradient for histories, in blocks that fit the processor's cache, on two threads."""
    cuts = range(0, max(len(x), 1), BLOCK)
    blocks = [(params, x[at : at + BLOCK], t_x[at : at + BLOCK], T[at : at + BLOCK]) for at in cuts]
    if len(blocks) == 1:
        return Odds(*_block(*blocks[0]))
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(lambda block: _block(*block), blocks))
    return Odds(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _block(params: Array, x: Array, t_x: Array, T: Array) -> tuple[Array, ...]:  # noqa: N803
    r, alpha, s, beta = params
    nodes = _Nodes(params, x, t_x, T - t_x)
    log_T, log_alpha_T = np.log(beta + T), np.log(alpha + T)  # noqa: N806
    log_alpha, log_beta = np.log(alpha + nodes.u), np.log(beta + nodes.u)
    top = np.log(alpha + t_x), np.log(beta + t_x)
    heights = nodes.weights * np.exp((r + x) * (top[0] - log_alpha) + (s + 1) * (top[1] - log_beta))
    total = heights.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(total > 0, heights / total, 0.0)
        log = np.log(s) + (r + x) * (log_alpha_T - top[0]) + s * log_T - (s + 1) * top[1] + np.log(total)
    return (
        log,
        log_alpha_T - (shares * log_alpha).sum(axis=0),
        (r + x) * (1 / (alpha + T) - (shares / (alpha + nodes.u)).sum(axis=0)),
        1 / s + log_T - (shares * log_beta).sum(axis=0),
        s / (beta + T) - (s + 1) * (shares / (beta + nodes.u)).sum(axis=0),
    )


class _Nodes:
    """Moments u from `start` on, at most `length` later, shape (nodes, rows), and the weights of an integral over u."""

    def __init__(self, params: Array, x: Array, start: Array, length: Array) -> None:
        r, alpha, s, beta = params
        least = min(alpha, beta)
        with np.errstate(over="ignore"):
            fallen = np.minimum((alpha + start) * np.expm1(DIGITS / (r + x)), (beta + start) * np.expm1(DIGITS / s))
        span = np.log1p(np.minimum(length, fallen) / (least + start))
        pace = ((r + x) / (alpha + start) + s / (beta + start)) * (least + start) / DAMPING
        covered = -np.expm1(-pace * span)
        left = 1 - U * covered
        after = (least + start) * left ** (-1 / pace)
        self.u = after - least
        self.weights = W * covered / pace / left * after


def p_order_if_alive(params: Array, x: Array, T: Array, h: Array) -> Array:  # noqa: N803
    """P(an order in (T, T + h]) of one alive at T: integral of E[l exp(-(l + m) t)] over t from 0 to h.

    Given life at T the rate of orders l is Gamma(r + x, alpha + T) and that of leaving m is Gamma(s, beta + T).
    """
    r, alpha, s, beta = params
    nodes = _Nodes(params, x, T, h)
    gone = (r + x + 1) * np.log((alpha + T) / (alpha + nodes.u)) + s * np.log((beta + T) / (beta + nodes.u))
    found: Array = (r + x) / (alpha + T) * (nodes.weights * np.exp(gone)).sum(axis=0)
    return found
