"""Pareto/NBD with its parameters: orders come at a rate, and the customer leaves at any moment, at another.

Schmittlein, Morrison and Colombo (1987), doi:10.1287/mnsc.33.1.1. The rate of orders is Gamma(r, alpha), that of leaving
Gamma(s, beta). Of a customer alive at T they are Gamma(R, A) with R = r + x, A = alpha + T, and Gamma(s, beta + T),
independent of each other: such a one is still there u later with probability ((beta + T) / (beta + T + u))^s.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import elementwise
from scipy.special import betainc, expit

from models.btyd.order_process import OrderProcess
from models.btyd.pareto_integral import log_odds_of_leaving, p_order_if_alive
from models.log_odds import Array

SINGULAR = 1e-9
NODES = 32
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(NODES)
U, W = (_POINTS + 1) / 2, _WEIGHTS / 2


@dataclass(frozen=True)
class Pareto(OrderProcess):
    """Parameters: r and s have no unit, alpha and beta that of time."""

    r: float | Array
    alpha: float | Array
    s: float | Array
    beta: float | Array

    def alive(self, x: Array, t_x: Array, T: Array) -> Array:  # noqa: N803  # the papers' symbol
        """1 / (1 + R) (note 009, eq. 20, with R as in `models/btyd/pareto_integral.py`)."""
        found: Array = expit(-log_odds_of_leaving(self._params(), x, t_x, T))
        return found

    def p_order_if_alive(self, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """An order comes before h and before leaving."""
        return p_order_if_alive(self._params(), x, T, np.broadcast_to(np.asarray(h, dtype=np.float64), np.shape(x)))

    def orders_if_alive(self, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """R / A times the time that is left within h (Schmittlein et al. 1987, eq. 22), with its limit for s = 1."""
        left = self.beta + T
        found: Array = (self.r + x) / (self.alpha + T) * left * _grown(1 - self.s, np.log1p(h / left))
        return found

    def pairs_if_alive(self, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """R (R + 1) / A^2 times the mean square of the time that is left within h."""
        R, A, left = self.r + x, self.alpha + T, self.beta + T  # noqa: N806
        log = np.log1p(h / left)
        square = 2 * left**2 * (_grown(2 - self.s, log) - _grown(1 - self.s, log))
        found: Array = R * (R + 1) / A**2 * square
        return found

    def orders_ever_if_alive(self, x: Array, T: Array) -> Array:  # noqa: N803
        """R / A (beta + T) / (s - 1), which exists for s > 1."""
        over = np.subtract(self.s, 1.0)
        found: Array = np.where(
            over > 0, (self.r + x) / (self.alpha + T) * (self.beta + T) / np.where(over > 0, over, 1.0), np.inf
        )
        return found

    def p_at_least_if_alive(self, x: Array, T: Array, h: float | Array, n: Array) -> Array:  # noqa: N803
        """P(N >= n): for a time u until leaving or h, n orders come with P(Beta(n, R) < u / (A + u)).

        What is sought is its mean over u, by Gauss-Legendre quadrature over the probability to have left.
        """
        R, A, left = self.r + x, self.alpha + T, self.beta + T  # noqa: N806
        gone = -np.expm1(-self.s * np.log1p(h / left))
        found: Array = (1 - gone) * betainc(n, R, h / (A + h))
        for point, weight in zip(U, W, strict=True):
            time = left * np.expm1(-np.log1p(-point * gone) / self.s)
            found = found + weight * gone * betainc(n, R, time / (A + time))
        return found

    def wait_if_alive(self, x: Array, T: Array, p_order: Array) -> Array:  # noqa: N803
        """The inverse of `p_order_if_alive`, by bracketing and Chandrupatla's method over the logarithm of the time."""
        ever = self.p_order_if_alive(x, T, np.inf) > p_order
        found = np.full(np.shape(x), np.inf)
        if not ever.any():
            return found
        params = [np.broadcast_to(value, np.shape(x))[ever] for value in self._params()]

        def short(log_h: Array, x: Array, T: Array, wanted: Array, *params: Array) -> Array:  # noqa: N803
            return p_order_if_alive(params, x, T, np.exp(log_h)) - wanted

        scale = np.log(self.alpha + T + 0 * np.asarray(x))[ever]
        arguments = (x[ever], T[ever], p_order[ever], *params)
        bracket = elementwise.bracket_root(short, scale - 1, scale + 1, args=arguments)
        root = elementwise.find_root(short, bracket.bracket, args=arguments)
        found[ever] = np.exp(root.x)
        return found

    def max_rate(self, x: Array, T: Array) -> Array:  # noqa: N803
        """The rate of leaving, and how fast doubt about it shows."""
        found: Array = (self.s + 1) / (self.beta + T) + 0 * x
        return found

    def sample(self, customers: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Draw rates of orders and ages of leaving; any number of orders is possible."""
        rate = rng.gamma(self.r, 1 / np.asarray(self.alpha), customers)
        leaving = rng.gamma(self.s, 1 / np.asarray(self.beta), customers)
        return rate, rng.exponential(1.0, customers) / leaving, np.full(customers, np.inf)

    def _params(self) -> tuple[float | Array, ...]:
        return self.r, self.alpha, self.s, self.beta


def _grown(power: float | Array, log: Array) -> Array:
    """Integral of exp(power v) over v from 0 to `log`."""
    safe = np.where(np.abs(power) > SINGULAR, power, SINGULAR)
    found: Array = np.expm1(safe * log) / safe
    return found
