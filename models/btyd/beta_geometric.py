"""BG/NBD and MBG/NBD with their parameters: orders come at a rate, and after each the customer may leave.

The order rate is Gamma(r, alpha), the probability of leaving after an order Beta(a, b). In BG/NBD (Fader, Hardie and Lee
2005, doi:10.1287/mksc.1040.0098) the first order is no dropout opportunity; in MBG/NBD (Batislam, Denizel and Filiztekin
2007, doi:10.1016/j.ijresmar.2006.12.005; Hoppe and Wagner 2007) it is. The two models differ only in the number of dropout
opportunities k: x in BG/NBD, x + 1 in MBG/NBD. Equation numbers below are those of the first paper.

For a customer alive at T the order rate is Gamma(R, A) with R = r + x and A = alpha + T, and the probability of leaving is
Beta(a, B) with B = b + k, independent of the rate.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaln, expit, gammaln, hyp2f1

from features.frames.arrays import Array
from models.btyd.order_process import MemorylessProcess, Parameters

SINGULARITY_MARGIN = 1e-6
LARGE_A, COMMON_P_SUM = 30.0, 1e5
MIN_DROPOUT_PROBABILITY, NEGLIGIBLE_DROPOUTS = 1e-12, 1e-9
LEGENDRE_NODES, LEGENDRE_WEIGHTS = np.polynomial.legendre.leggauss(200)


@dataclass(frozen=True)
class BetaGeometricParameters(Parameters):
    """Parameters: r, a and b have no unit, alpha has that of time.

    `first_order_counts` is 1 where the first order is a dropout opportunity, else 0.
    """

    r: float | Array
    alpha: float | Array
    a: float | Array
    b: float | Array
    first_order_counts: int


@dataclass(frozen=True)
class BetaGeometric(BetaGeometricParameters, MemorylessProcess):
    """BG/NBD or MBG/NBD."""

    def p_alive(self, x: Array, t_x: Array, T: Array) -> Array:  # noqa: N803  # the papers' symbol
        """Return the share of the first of the two terms of the likelihood (eq. 3); 1 without a dropout opportunity."""
        k = x + self.first_order_counts
        log_dropout_odds = np.log(self.a) - np.log(self.b + (np.maximum(k, 1) - 1))
        odds = log_dropout_odds + (self.r + x) * np.log((self.alpha + T) / (self.alpha + t_x))
        alive: Array = np.where(k > 0, expit(-odds), 1.0)
        return alive

    def p_order_if_alive(self, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """Return 1 - (A / (A + h))^R: a customer can leave only after an order."""
        probability: Array = -np.expm1(-(self.r + x) * np.log1p(h / (self.alpha + T)))
        return probability

    def expected_orders_if_alive(self, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """Return eq. 10 without P(alive), or its limit where customers hardly differ in the probability of leaving."""
        R, A, B = self._posterior(x, T)  # noqa: N806
        near_1 = np.abs(np.subtract(self.a, 1)) < SINGULARITY_MARGIN
        return _expected_orders(R, A, np.where(near_1, 1 + SINGULARITY_MARGIN, self.a), B, h)

    def factorial_moment_if_alive(self, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """Return E[N (N - 1)] = 2 B (E[N | a - 1, B + 1] - E[N | a, B]).

        For known order rate l and probability of leaving p, E[N] = G(p) = (1 - exp(-p l h)) / p and E[N (N - 1)] =
        -2 (1 - p) G'(p). Integration by parts over the density of p moves the derivative to the density, which leaves two
        evaluations of eq. 10.
        """
        R, A, B = self._posterior(x, T)  # noqa: N806
        a = np.asarray(self.a, dtype=np.float64)
        is_singular = (np.abs(a - 1) < SINGULARITY_MARGIN) | (np.abs(a - 2) < SINGULARITY_MARGIN)
        a = np.where(is_singular, a + 2 * SINGULARITY_MARGIN, a)
        moment = 2 * B * (_expected_orders(R, A, a - 1, B + 1, h) - _expected_orders(R, A, a, B, h))
        has_common_p = a + B > COMMON_P_SUM
        return np.maximum(np.where(has_common_p, _factorial_moment_common_p(R, A, a / (a + B), h), moment), 0.0)

    def residual_orders_if_alive(self, x: Array, T: Array) -> Array:  # noqa: N803
        """Return E[1 / p] = (a + B - 1) / (a - 1), which exists for a > 1."""
        _, _, B = self._posterior(x, T)  # noqa: N806
        excess = np.subtract(self.a, 1.0)
        orders: Array = np.where(excess > 0, (excess + B) / np.where(excess > 0, excess, 1.0), np.inf)
        return orders

    def p_at_least_if_alive(self, x: Array, T: Array, h: float | Array, n: Array) -> Array:  # noqa: N803
        """Return P(stays after n - 1 orders) P(n orders in h at the order rate): the tail of eq. 8, which is a product."""
        R, A, B = self._posterior(x, T)  # noqa: N806
        log_p_stays = gammaln(B + n - 1) - gammaln(B) - gammaln(self.a + B + n - 1) + gammaln(self.a + B)
        probability: Array = np.exp(log_p_stays) * betainc(n, R, h / (A + h))
        return probability

    def waiting_time_if_alive(self, x: Array, T: Array, p_order: Array) -> Array:  # noqa: N803
        """Invert `p_order_if_alive`."""
        R, A, _ = self._posterior(x, T)  # noqa: N806
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            wait = A * np.expm1(-np.log1p(-p_order) / R)
        return np.where(p_order < 1, wait, np.inf)

    def max_rate(self, x: Array, T: Array) -> Array:  # noqa: N803
        """Return (R + 1) / A: the mean order rate R / A, and the rate 1 / A at which customers of unequal rates drift apart."""
        R, A, _ = self._posterior(x, T)  # noqa: N806
        return (R + 1) / A

    def sample(self, customers: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Draw order rates and numbers of orders; a customer leaves after an order, so no age at leaving is finite."""
        rate = rng.gamma(self.r, 1 / np.asarray(self.alpha), customers)
        opportunities = rng.geometric(np.maximum(rng.beta(self.a, self.b, customers), MIN_DROPOUT_PROBABILITY))
        return rate, np.full(customers, np.inf), (opportunities - self.first_order_counts).astype(np.float64)

    def _posterior(self, x: Array, T: Array) -> tuple[Array, Array, Array]:  # noqa: N803
        return self.r + x, self.alpha + T, self.b + x + self.first_order_counts


def _expected_orders(R: Array, A: Array, a: float | Array, B: Array, h: float | Array) -> Array:  # noqa: N803  # the symbols above
    """Return E[N], each row by the formula that is stable for its parameters."""
    rows = np.broadcast_arrays(R, A, a, B, np.asarray(h, dtype=np.float64))
    has_common_p, has_large_a = rows[2] + rows[3] > COMMON_P_SUM, rows[2] > LARGE_A
    orders = np.empty(rows[0].shape)
    with np.errstate(invalid="ignore", over="ignore"):
        for mask, formula in (
            (~has_common_p & ~has_large_a, _expected_orders_small_a),
            (~has_common_p & has_large_a, _expected_orders_large_a),
            (has_common_p, _expected_orders_common_p),
        ):
            if mask.any():
                orders[mask] = formula(*(values[mask] for values in rows))
    failed = ~np.isfinite(orders)
    if failed.any():
        orders[failed] = _expected_orders_quadrature(*(values[failed] for values in rows))
    return orders


def _expected_orders_small_a(R: Array, A: Array, a: Array, B: Array, h: Array) -> Array:  # noqa: N803
    """Return eq. 10 after Euler's transformation of the hypergeometric function (Abramowitz and Stegun 15.3.3).

    It keeps every growing parameter in the third argument, so that it stays finite for x in the thousands.
    """
    z, c = h / (A + h), a + B - 1
    orders: Array = c / (a - 1) * (1 - (1 - z) ** (a - 1) * hyp2f1(c - R, a - 1, c, z))
    return orders


def _expected_orders_large_a(R: Array, A: Array, a: Array, B: Array, h: Array) -> Array:  # noqa: N803
    """Return eq. 10 as published."""
    z, c = h / (A + h), a + B - 1
    orders: Array = c / (a - 1) * (1 - (1 - z) ** R * hyp2f1(R, B, c, z))
    return orders


def _expected_orders_common_p(R: Array, A: Array, a: Array, B: Array, h: Array) -> Array:  # noqa: N803
    """Return the limit of eq. 10 for a + B to infinity: all leave with the same p, and E[N] is E[(1 - exp(-p l h)) / p]."""
    p = a / (a + B)
    orders: Array = -np.expm1(-R * np.log1p(p * h / A)) / p
    return orders


def _expected_orders_quadrature(R: Array, A: Array, a: Array, B: Array, h: Array) -> Array:  # noqa: N803
    """Return E[(1 - (1 + p h / A)^-R) / p] over Beta(a, B), by a Gauss-Legendre rule over the log-odds of p.

    For rows where the hypergeometric function is lost to rounding, such as hundreds of orders and a horizon far beyond A.
    The log-odds are the difference between the logarithms of a Gamma(a) and a Gamma(B), which bounds the interval of
    integration. Below it p is so small that leaving within h is negligible, and the mean is R h / A.
    """
    lower = _log_gamma_lower_bound(a) - np.log(B + 9 * np.sqrt(B) + 40)
    upper = np.log(a + 9 * np.sqrt(a) + 40) - _log_gamma_lower_bound(B)
    start = np.minimum(np.maximum(lower, np.log(NEGLIGIBLE_DROPOUTS * A / (R * h))), upper)
    odds = (upper + start) / 2 + (upper - start) / 2 * LEGENDRE_NODES[:, None]
    p = expit(odds)
    log_density = -a * np.logaddexp(0, -odds) - B * np.logaddexp(0, odds) - betaln(a, B)
    terms = LEGENDRE_WEIGHTS[:, None] * np.exp(log_density) * -np.expm1(-R * np.log1p(p * h / A)) / p
    orders: Array = terms.sum(axis=0) * (upper - start) / 2 + betainc(a, B, expit(start)) * R * h / A
    return orders


def _log_gamma_lower_bound(shape: Array) -> Array:
    """Return a bound below which the logarithm of a Gamma(shape) lies with negligible probability."""
    bound: Array = np.log(shape) - 9 / np.sqrt(shape) - 36 / shape
    return bound


def _factorial_moment_common_p(R: Array, A: Array, p: Array, h: float | Array) -> Array:  # noqa: N803
    """Return E[N (N - 1)] where all leave with the same p: 2 (1 - p) / p^2 E[1 - exp(-p l h) (1 + p l h)]."""
    survival = np.exp(-R * np.log1p(p * h / A))
    moment: Array = 2 * (1 - p) / p**2 * (1 - survival * (1 + R * p * h / (A + p * h)))
    return moment
