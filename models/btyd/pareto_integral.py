"""The integrals of the Pareto/NBD over the unknown time of leaving, by Gauss-Legendre quadrature.

Schmittlein, Morrison and Colombo (1987), doi:10.1287/mnsc.33.1.1, give the likelihood through Gauss' hypergeometric function,
which is slow and loses digits. Fader and Hardie (2005), A Note on Deriving the Pareto/NBD Model, brucehardie.com/notes/009,
show the integral behind it. A customer who left at u bought at a rate of Gamma(r, alpha) until then and left at a rate of
Gamma(s, beta). Against having stayed until T, the odds of having left in (t_x, T] are

    R = s * integral over u of ((alpha + T) / (alpha + u))^(r + x) * ((beta + T) / (beta + u))^s / (beta + u).

Let c be the smaller of alpha and beta, and v = ln((c + u) / (c + t_x)). The integrand falls at a rate that only grows with v,
starting from D = (r + x) (c + t_x) / (alpha + t_x) + s (c + t_x) / (beta + t_x). The nodes are evenly spaced in
1 - exp(-D v / 4), in which the integrand is smooth, up to where it has fallen by thirteen digits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.frames.arrays import Array
from models.threads import map_in_threads

NODE_COUNT = 24
MAX_LOG_FALL = 30.0  # thirteen decimal digits
BLOCK_ROWS = 8_192
DAMPING = 4.0
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(NODE_COUNT)
UNIT_NODES, UNIT_WEIGHTS = ((_NODES + 1) / 2)[:, None], (_WEIGHTS / 2)[:, None]

Params = Sequence[float | Array] | Array  # r, alpha, s and beta: numbers, or one for each row


@dataclass(frozen=True)
class LeavingOdds:
    """ln R, and its derivatives in r, alpha, s and beta: arrays of one length; -inf and 0 where t_x = T."""

    log: Array
    r: Array
    alpha: Array
    s: Array
    beta: Array


def leaving_odds(params: Params, x: Array, t_x: Array, T: Array) -> LeavingOdds:  # noqa: N803  # the papers' symbol
    """Return ln R and its gradient for histories."""
    log, r, alpha, s, beta = _map_blocks(_odds_block, params, x, t_x, T)
    return LeavingOdds(log=log, r=r, alpha=alpha, s=s, beta=beta)


def leaving_log_odds(params: Params, x: Array, t_x: Array, T: Array) -> Array:  # noqa: N803
    """Return ln R alone."""
    return _map_blocks(lambda *block: _log_odds_block(*block)[:1], params, x, t_x, T)[0]


def p_order_if_alive(params: Params, x: Array, T: Array, h: Array) -> Array:  # noqa: N803
    """Return P(an order in (T, T + h] | alive at T): the integral of E[l exp(-(l + m) t)] over t from 0 to h.

    For a customer alive at T the order rate l is Gamma(r + x, alpha + T) and the dropout rate m is Gamma(s, beta + T).
    """
    return _map_blocks(lambda *block: (_p_order_block(*block),), params, x, T, h)[0]


def _map_blocks(function: Callable[..., tuple[Array, ...]], params: Params, *columns: Array) -> list[Array]:
    """Apply `function` to blocks of rows, on threads, and concatenate each of its results."""

    def block_arguments(start: int) -> list[Any]:
        rows = slice(start, start + BLOCK_ROWS)
        block_params = [value[rows] if isinstance(value, np.ndarray) and value.ndim else value for value in params]
        return [block_params, *(column[rows] for column in columns)]

    blocks = [block_arguments(start) for start in range(0, max(len(columns[0]), 1), BLOCK_ROWS)]
    results = map_in_threads(lambda block: function(*block), blocks)
    return [np.concatenate(parts) for parts in zip(*results, strict=True)]


def _log_odds_block(params: Params, x: Array, t_x: Array, T: Array) -> tuple[Array, "_Quadrature", Array, Array, Array]:  # noqa: N803
    """Return ln R, the nodes, the logarithms of alpha + u and beta + u there, and each node's share of the integral."""
    r, alpha, s, beta = params
    nodes = _Quadrature(params, x, t_x, T - t_x)
    log_alpha, log_beta = np.log(alpha + nodes.u), np.log(beta + nodes.u)
    log_alpha_start, log_beta_start = np.log(alpha + t_x), np.log(beta + t_x)
    terms = nodes.weights * np.exp((r + x) * (log_alpha_start - log_alpha) + (s + 1) * (log_beta_start - log_beta))
    total = terms.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(total > 0, terms / total, 0.0)
        log_alpha_growth = (r + x) * (np.log(alpha + T) - log_alpha_start)
        log_odds = np.log(s) + log_alpha_growth + s * np.log(beta + T) - (s + 1) * log_beta_start + np.log(total)
    return log_odds, nodes, log_alpha, log_beta, shares


def _odds_block(params: Params, x: Array, t_x: Array, T: Array) -> tuple[Array, ...]:  # noqa: N803
    """Return ln R and its derivatives in r, alpha, s and beta."""
    r, alpha, s, beta = params
    log_odds, nodes, log_alpha, log_beta, shares = _log_odds_block(params, x, t_x, T)
    return (
        log_odds,
        np.log(alpha + T) - (shares * log_alpha).sum(axis=0),
        (r + x) * (1 / (alpha + T) - (shares / (alpha + nodes.u)).sum(axis=0)),
        1 / s + np.log(beta + T) - (shares * log_beta).sum(axis=0),
        s / (beta + T) - (s + 1) * (shares / (beta + nodes.u)).sum(axis=0),
    )


def _p_order_block(params: Params, x: Array, T: Array, h: Array) -> Array:  # noqa: N803
    r, alpha, s, beta = params
    nodes = _Quadrature(params, x, T, h)
    log_survival = (r + x + 1) * np.log((alpha + T) / (alpha + nodes.u)) + s * np.log((beta + T) / (beta + nodes.u))
    probability: Array = (r + x) / (alpha + T) * (nodes.weights * np.exp(log_survival)).sum(axis=0)
    return np.minimum(probability, 1.0)


class _Quadrature:
    """Nodes u from `start` to at most `length` later, shape (nodes, rows), and the weights of an integral over u."""

    def __init__(self, params: Params, x: Array, start: Array, length: Array) -> None:
        r, alpha, s, beta = params
        c = np.minimum(alpha, beta)
        with np.errstate(over="ignore"):
            negligible_after = np.minimum(
                (alpha + start) * np.expm1(MAX_LOG_FALL / (r + x)), (beta + start) * np.expm1(MAX_LOG_FALL / s)
            )
        span = np.log1p(np.minimum(length, negligible_after) / (c + start))
        decay = ((r + x) / (alpha + start) + s / (beta + start)) * (c + start) / DAMPING
        covered = -np.expm1(-decay * span)
        remaining = 1 - UNIT_NODES * covered
        c_plus_u = (c + start) * remaining ** (-1 / decay)
        self.u = c_plus_u - c
        self.weights = UNIT_WEIGHTS * covered / decay / remaining * c_plus_u
