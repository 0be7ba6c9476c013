"""Pareto/NBD with its parameters: orders come at one rate, and the customer leaves at another, which can be at any time.

Schmittlein, Morrison and Colombo (1987), doi:10.1287/mnsc.33.1.1. The order rate is Gamma(r, alpha), the dropout rate
Gamma(s, beta). For a customer alive at T they are Gamma(R, A), with R = r + x and A = alpha + T, and Gamma(s, beta + T),
independent of each other. Such a customer is still alive u later with probability ((beta + T) / (beta + T + u))^s.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import elementwise
from scipy.special import betainc, expit

from features.frames.arrays import Array
from models.btyd.order_process import MemorylessProcess
from models.btyd.pareto_integral import leaving_log_odds, p_order_if_alive

SINGULARITY_MARGIN = 1e-9
NODE_COUNT = 32
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(NODE_COUNT)
UNIT_NODES, UNIT_WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2


@dataclass(frozen=True)
class Pareto(MemorylessProcess):
    """Parameters: r and s have no unit, alpha and beta have that of time."""

    r: float | Array
    alpha: float | Array
    s: float | Array
    beta: float | Array

    def p_alive(self, x: Array, t_x: Array, T: Array) -> Array:  # noqa: N803  # the papers' symbol
        """Return 1 / (1 + odds) (note 009, eq. 20), with the odds of having left from `models/btyd/pareto_integral.py`."""
        alive: Array = expit(-leaving_log_odds(self._params(), x, t_x, T))
        return alive

    def p_order_if_alive(self, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """Return the probability that an order comes before h and before the customer leaves."""
        return p_order_if_alive(self._params(), x, T, np.broadcast_to(np.asarray(h, dtype=np.float64), np.shape(x)))

    def expected_orders_if_alive(self, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """Return R / A times the expected time alive within h (Schmittlein et al. 1987, eq. 22), or its limit for s = 1."""
        B = self.beta + T  # noqa: N806
        orders: Array = (self.r + x) / (self.alpha + T) * B * _exponential_integral(1 - self.s, np.log1p(h / B))
        return orders

    def factorial_moment_if_alive(self, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """Return R (R + 1) / A^2 times the mean square of the time alive within h."""
        R, A, B = self.r + x, self.alpha + T, self.beta + T  # noqa: N806
        log = np.log1p(h / B)
        mean_square = 2 * B**2 * (_exponential_integral(2 - self.s, log) - _exponential_integral(1 - self.s, log))
        moment: Array = R * (R + 1) / A**2 * mean_square
        return moment

    def residual_orders_if_alive(self, x: Array, T: Array) -> Array:  # noqa: N803
        """Return R / A (beta + T) / (s - 1), which exists for s > 1."""
        excess = np.subtract(self.s, 1.0)
        orders: Array = np.where(
            excess > 0, (self.r + x) / (self.alpha + T) * (self.beta + T) / np.where(excess > 0, excess, 1.0), np.inf
        )
        return orders

    def p_at_least_if_alive(self, x: Array, T: Array, h: float | Array, n: Array) -> Array:  # noqa: N803
        """Return P(N >= n), the mean of P(Beta(n, R) < u / (A + u)) over u, the time until leaving or h.

        The mean is by Gauss-Legendre quadrature over the probability of having left.
        """
        R, A, B = self.r + x, self.alpha + T, self.beta + T  # noqa: N806
        p_left = -np.expm1(-self.s * np.log1p(h / B))
        probability: Array = (1 - p_left) * betainc(n, R, h / (A + h))
        for node, weight in zip(UNIT_NODES, UNIT_WEIGHTS, strict=True):
            u = B * np.expm1(-np.log1p(-node * p_left) / self.s)
            probability = probability + weight * p_left * betainc(n, R, u / (A + u))
        return probability

    def waiting_time_if_alive(self, x: Array, T: Array, p_order: Array) -> Array:  # noqa: N803
        """Invert `p_order_if_alive` by bracketing and Chandrupatla's method over the logarithm of the time."""
        reached = self.p_order_if_alive(x, T, np.inf) > p_order
        waits = np.full(np.shape(x), np.inf)
        if not reached.any():
            return waits
        params = [np.broadcast_to(value, np.shape(x))[reached] for value in self._params()]

        def excess(log_h: Array, x: Array, T: Array, target: Array, *params: Array) -> Array:  # noqa: N803
            return p_order_if_alive(params, x, T, np.exp(log_h)) - target

        start = np.log(self.alpha + T + 0 * np.asarray(x))[reached]
        arguments = (x[reached], T[reached], p_order[reached], *params)
        bracket = elementwise.bracket_root(excess, start - 1, start + 1, args=arguments)
        root = elementwise.find_root(excess, bracket.bracket, args=arguments)
        waits[reached] = np.exp(root.x)
        return waits

    def max_rate(self, x: Array, T: Array) -> Array:  # noqa: N803
        """Return (s + 1) / B with B = beta + T: the mean dropout rate s / B, and the rate 1 / B at which unequal rates show."""
        rate: Array = (self.s + 1) / (self.beta + T) + 0 * x
        return rate

    def sample(self, customers: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Draw order rates and ages at leaving; the number of orders is unlimited."""
        rate = rng.gamma(self.r, 1 / np.asarray(self.alpha), customers)
        dropout_rate = rng.gamma(self.s, 1 / np.asarray(self.beta), customers)
        return rate, rng.exponential(1.0, customers) / dropout_rate, np.full(customers, np.inf)

    def _params(self) -> tuple[float | Array, ...]:
        return self.r, self.alpha, self.s, self.beta


def _exponential_integral(power: float | Array, log: Array) -> Array:
    """Return the integral of exp(power v) over v from 0 to `log`."""
    safe_power = np.where(np.abs(power) > SINGULARITY_MARGIN, power, SINGULARITY_MARGIN)
    integral: Array = np.expm1(safe_power * log) / safe_power
    return integral
