"""BG/CNBD-k and MBG/CNBD-k with their parameters: regular orders, after each of which the customer may leave.

Platzer and Reutterer (2016), Ticking Away the Moments, Marketing Science 35(5), doi:10.1287/mksc.2015.0963; Reutterer, Platzer
and Schroeder (2021), Leveraging purchase regularity for predicting customer behavior the easy way, International Journal of
Research in Marketing 38(1), doi:10.1016/j.ijresmar.2020.09.002. The times between a customer's orders are gamma distributed
with a whole shape k: an order is every k-th event of a Poisson process whose rate is Gamma(r, alpha). Leaving is as in BG/NBD
and MBG/NBD, which are the case k = 1 (`models/btyd/beta_geometric.py`).

A customer alive at T has had j = 0 ... k - 1 events since the last order. Given j, the event rate is Gamma(r + k x + j, alpha +
T), the next order needs k - j more events, and t_x says nothing more. So every quantity is a mixture over these phases j, of
terms that depend on x and T only. Unlike in the papers, where expectations for k > 1 are approximations, all sums here are
exact.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import elementwise
from scipy.special import betainc, expit, gammaln, logsumexp

from features.frames.arrays import Array
from models.btyd.beta_geometric import MIN_DROPOUT_PROBABILITY, BetaGeometricParameters
from models.btyd.order_process import P_ORDER, OrderProcess, OrdersIfAlive, Quantity

NEGLIGIBLE = 1e-11  # relative size of a term after which a sum over orders ends
MAX_ORDERS = 100_000


@dataclass(frozen=True)
class RegularBetaGeometric(BetaGeometricParameters, OrderProcess):
    """BG/CNBD-k or MBG/CNBD-k; k has no unit."""

    k: int

    def p_alive(self, x: Array, t_x: Array, T: Array) -> Array:  # noqa: N803  # the papers' symbol
        """Return the share of the terms of the likelihood in which the customer has not left (2021, eq. 8)."""
        opportunities = x + self.first_order_counts
        log_dropout = np.log(self.a) - np.log(self.b + (np.maximum(opportunities, 1) - 1))
        log_dropout = log_dropout + (self.r + self.k * x) * np.log((self.alpha + T) / (self.alpha + t_x))
        odds = log_dropout - logsumexp(log_phases(self.k, self.r + self.k * x, (T - t_x) / (self.alpha + T)), axis=0)
        alive: Array = np.where(opportunities > 0, expit(-odds), 1.0)
        return alive

    def if_alive(self, quantity: Quantity, x: Array, t_x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """Return the mean of the quantity over the phases."""
        log_weights = log_phases(self.k, self.r + self.k * x, (T - t_x) / (self.alpha + T))
        weights = np.exp(log_weights - logsumexp(log_weights, axis=0))
        phases = [ErlangPhase(**vars(self), phase=phase) for phase in range(self.k)]
        means = (weight * phase.deduplicated(quantity(phase), x, T, h) for phase, weight in zip(phases, weights, strict=True))
        return sum(means, np.zeros(np.shape(x)))

    def waiting_time(self, x: Array, t_x: Array, T: Array, p_still_waiting: Array) -> Array:  # noqa: N803
        """Invert P(no order) by bracketing and Chandrupatla's method over the logarithm of the time."""
        p_order = np.broadcast_to((1 - p_still_waiting) / self.p_alive(x, t_x, T), np.shape(x))
        waits = np.where(p_order > 0, np.inf, 0.0)
        rows = np.flatnonzero((p_order > 0) & (p_order < 1))
        if not len(rows):
            return waits

        def excess(log_h: Array, index: Array) -> Array:
            some = rows[index.astype(np.int64)]
            process = self.subset(some)
            return process.if_alive(P_ORDER, x[some], t_x[some], T[some], np.exp(log_h)) - p_order[some]

        start, arguments = np.log(self.alpha + T + 0 * x)[rows], (np.arange(len(rows), dtype=np.float64),)
        bracket = elementwise.bracket_root(excess, start - 1, start + 1, args=arguments)
        root = elementwise.find_root(excess, bracket.bracket, args=arguments)
        waits[rows] = np.exp(root.x)
        return waits

    def sample(self, customers: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Draw event rates and numbers of orders; a customer leaves after an order, so no age at leaving is finite."""
        rate = rng.gamma(self.r, 1 / np.asarray(self.alpha), customers)
        opportunities = rng.geometric(np.maximum(rng.beta(self.a, self.b, customers), MIN_DROPOUT_PROBABILITY))
        return rate, np.full(customers, np.inf), (opportunities - self.first_order_counts).astype(np.float64)


def log_phases(k: int, shape: Array, silence: Array) -> Array:
    """Return, for j = 0 ... k - 1, the logarithm of Gamma(shape + j) / (Gamma(shape) j!) silence^j: the weight of phase j.

    `silence` is (T - t_x) / (alpha + T). The result has a line per phase.
    """
    j = np.arange(k)[:, None]
    with np.errstate(divide="ignore"):
        log_silence = np.where(j > 0, j * np.log(silence), 0.0)
    weights: Array = gammaln(shape + j) - gammaln(shape) - gammaln(j + 1) + log_silence
    return weights


@dataclass(frozen=True)
class ErlangPhase(BetaGeometricParameters, OrdersIfAlive):
    """A customer who has had `phase` events since the last order; parameters as in RegularBetaGeometric."""

    k: int
    phase: int

    def p_order_if_alive(self, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """Return P(k - phase events within h): the tail of a negative binomial."""
        R, share = self._posterior(x, T, h)  # noqa: N806
        probability: Array = np.asarray(betainc(self.k - self.phase, R, share), dtype=np.float64)
        return probability

    def expected_orders_if_alive(self, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """Return the sum over n of P(N >= n)."""
        return self._sum_of_tails(x, T, h, lambda _n: 1.0)

    def factorial_moment_if_alive(self, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """Return E[N (N - 1)], the sum over n of 2 (n - 1) P(N >= n)."""
        return self._sum_of_tails(x, T, h, lambda n: 2.0 * (n - 1))

    def residual_orders_if_alive(self, x: Array, T: Array) -> Array:  # noqa: N803
        """Return E[1 / p] as in BG/NBD: it does not depend on when the orders come."""
        stay, excess = self.b + x + self.first_order_counts, np.subtract(self.a, 1.0)
        orders: Array = np.where(excess > 0, (excess + stay) / np.where(excess > 0, excess, 1.0), np.inf) + 0 * T
        return orders

    def p_at_least_if_alive(self, x: Array, T: Array, h: float | Array, n: Array) -> Array:  # noqa: N803
        """Return P(stays after n - 1 orders) P(n k - phase events within h)."""
        R, share = self._posterior(x, T, h)  # noqa: N806
        stay = self.b + x + self.first_order_counts
        log_p_stays = gammaln(stay + n - 1) - gammaln(stay) - gammaln(self.a + stay + n - 1) + gammaln(self.a + stay)
        probability: Array = np.exp(log_p_stays) * betainc(n * self.k - self.phase, R, share)
        return probability

    def max_rate(self, x: Array, T: Array) -> Array:  # noqa: N803
        """Return (R + 1) / A, as in BG/NBD, for events."""
        rate: Array = (self.r + self.k * x + self.phase + 1) / (self.alpha + T)
        return rate

    def _posterior(self, x: Array, T: Array, h: float | Array) -> tuple[Array, Array]:  # noqa: N803
        """Return the shape of the event rate, and h / (alpha + T + h), which is 1 for an infinite h."""
        with np.errstate(invalid="ignore"):
            share = np.where(np.isinf(h), 1.0, h / (self.alpha + T + h))
        return self.r + self.k * x + self.phase, share

    def _sum_of_tails(self, x: Array, T: Array, h: float | Array, factor: Callable[[int], float]) -> Array:  # noqa: N803
        """Return the sum over n of factor(n) P(N >= n); the terms of a customer end where they are negligible."""
        shape, share = np.broadcast_arrays(*self._posterior(x, T, h))
        a, stay = (np.broadcast_to(value, shape.shape) for value in (self.a, self.b + x + self.first_order_counts))
        total, p_stays, rows = np.zeros(shape.shape), np.ones(shape.shape), np.arange(len(shape))
        for n in range(1, MAX_ORDERS):
            terms = p_stays[rows] * betainc(n * self.k - self.phase, shape[rows], share[rows])
            total[rows] += factor(n) * terms
            p_stays[rows] *= (stay[rows] + n - 1) / (a[rows] + stay[rows] + n - 1)
            rows = rows[terms > NEGLIGIBLE]
            if not len(rows):
                break
        return total
