"""BG/NBD and MBG/NBD with their parameters: orders come at a rate, and after each the customer may leave.

The rate of orders is Gamma(r, alpha), the probability to leave after an order Beta(a, b). In BG/NBD (Fader, Hardie and Lee
2005, doi:10.1287/mksc.1040.0098) the first order is no occasion to leave, in MBG/NBD (Batislam, Denizel and Filiztekin 2007,
doi:10.1016/j.ijresmar.2006.12.005; Hoppe and Wagner 2007) it is. So both differ in the number of occasions k only: x in the
one, x + 1 in the other. Equations below are numbered as in the first paper.

Of a customer alive at T the rate is Gamma(R, A) with R = r + x, A = alpha + T, and the probability to leave Beta(a, B) with
B = b + k, independent of each other.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaln, expit, gammaln, hyp2f1

from models.btyd.order_process import OrderProcess
from models.log_odds import Array

SINGULAR = 1e-6
LARGE, ALIKE = 30.0, 1e5
RAREST, UNFELT = 1e-12, 1e-9
POINTS, WEIGHTS = np.polynomial.legendre.leggauss(200)


@dataclass(frozen=True)
class BetaGeometric(OrderProcess):
    """Parameters: r, a and b have no unit, alpha that of time; `first_counts` is 1 where the first order is an occasion."""

    r: float | Array
    alpha: float | Array
    a: float | Array
    b: float | Array
    first_counts: int

    def alive(self, x: Array, t_x: Array, T: Array) -> Array:  # noqa: N803  # the papers' symbol
        """The first of the two terms of the likelihood (eq. 3) over their sum; 1 without an occasion to leave."""
        k = x + self.first_counts
        last_stay = np.log(self.a) - np.log(self.b + (np.maximum(k, 1) - 1))
        odds = last_stay + (self.r + x) * np.log((self.alpha + T) / (self.alpha + t_x))
        alive: Array = np.where(k > 0, expit(-odds), 1.0)
        return alive

    def p_order_if_alive(self, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """1 - (A / (A + h))^R: nobody leaves but after an order."""
        order: Array = -np.expm1(-(self.r + x) * np.log1p(h / (self.alpha + T)))
        return order

    def orders_if_alive(self, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """Eq. 10 without P(alive); with its limit where the probability to leave hardly differs between customers."""
        R, A, B = self._now(x, T)  # noqa: N806
        near_1 = np.abs(np.subtract(self.a, 1)) < SINGULAR
        return _orders(R, A, np.where(near_1, 1 + SINGULAR, self.a), B, h)

    def pairs_if_alive(self, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """E[N (N - 1)] = 2 B (E[N | a - 1, B + 1] - E[N | a, B]).

        With l and p known, E[N] = G(p) = (1 - exp(-p l h)) / p and E[N (N - 1)] = -2 (1 - p) G'(p); integrated by parts over
        the density of p, the derivative falls on the density, and eq. 10 serves twice.
        """
        R, A, B = self._now(x, T)  # noqa: N806
        a = np.asarray(self.a, dtype=np.float64)
        a = np.where((np.abs(a - 1) < SINGULAR) | (np.abs(a - 2) < SINGULAR), a + 2 * SINGULAR, a)
        pairs = 2 * B * (_orders(R, A, a - 1, B + 1, h) - _orders(R, A, a, B, h))
        alike = a + B > ALIKE
        return np.maximum(np.where(alike, _pairs_when_alike(R, A, a / (a + B), h), pairs), 0.0)

    def orders_ever_if_alive(self, x: Array, T: Array) -> Array:  # noqa: N803
        """E[1 / p] = (a + B - 1) / (a - 1), which exists for a > 1."""
        _, _, B = self._now(x, T)  # noqa: N806
        over = np.subtract(self.a, 1.0)
        found: Array = np.where(over > 0, (over + B) / np.where(over > 0, over, 1.0), np.inf)
        return found

    def p_at_least_if_alive(self, x: Array, T: Array, h: float | Array, n: Array) -> Array:  # noqa: N803
        """P(no leaving after n - 1 orders) P(n orders in h at the rate of orders): the tail of eq. 8, which is a product."""
        R, A, B = self._now(x, T)  # noqa: N806
        stays = gammaln(B + n - 1) - gammaln(B) - gammaln(self.a + B + n - 1) + gammaln(self.a + B)
        found: Array = np.exp(stays) * betainc(n, R, h / (A + h))
        return found

    def wait_if_alive(self, x: Array, T: Array, p_order: Array) -> Array:  # noqa: N803
        """The inverse of `p_order_if_alive`."""
        R, A, _ = self._now(x, T)  # noqa: N806
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            wait = A * np.expm1(-np.log1p(-p_order) / R)
        return np.where(p_order < 1, wait, np.inf)

    def max_rate(self, x: Array, T: Array) -> Array:  # noqa: N803
        """The rate of orders, after each of which the customer may leave, and how fast doubt about it shows."""
        R, A, _ = self._now(x, T)  # noqa: N806
        return (R + 1) / A

    def sample(self, customers: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Draw rates; nobody leaves at an age, but after so many orders."""
        rate = rng.gamma(self.r, 1 / np.asarray(self.alpha), customers)
        occasions = rng.geometric(np.maximum(rng.beta(self.a, self.b, customers), RAREST))
        return rate, np.full(customers, np.inf), (occasions - self.first_counts).astype(np.float64)

    def _now(self, x: Array, T: Array) -> tuple[Array, Array, Array]:  # noqa: N803
        return self.r + x, self.alpha + T, self.b + x + self.first_counts


def _orders(R: Array, A: Array, a: float | Array, B: Array, h: float | Array) -> Array:  # noqa: N803  # the symbols above
    """E[N], each row in the way that is stable for its parameters."""
    rows = np.broadcast_arrays(R, A, a, B, np.asarray(h, dtype=np.float64))
    alike, large = rows[2] + rows[3] > ALIKE, rows[2] > LARGE
    found = np.empty(rows[0].shape)
    with np.errstate(invalid="ignore", over="ignore"):
        for these, way in ((~alike & ~large, _when_a_is_small), (~alike & large, _when_a_is_large), (alike, _when_alike)):
            if these.any():
                found[these] = way(*(values[these] for values in rows))
    lost = ~np.isfinite(found)
    if lost.any():
        found[lost] = _by_sum(*(values[lost] for values in rows))
    return found


def _when_a_is_small(R: Array, A: Array, a: Array, B: Array, h: Array) -> Array:  # noqa: N803
    """Eq. 10 after Euler's transformation of the hypergeometric function (Abramowitz and Stegun 15.3.3).

    It keeps every growing parameter in the third place, so that it stays finite for x in the thousands.
    """
    z, c = h / (A + h), a + B - 1
    found: Array = c / (a - 1) * (1 - (1 - z) ** (a - 1) * hyp2f1(c - R, a - 1, c, z))
    return found


def _when_a_is_large(R: Array, A: Array, a: Array, B: Array, h: Array) -> Array:  # noqa: N803
    """Eq. 10 as it stands."""
    z, c = h / (A + h), a + B - 1
    found: Array = c / (a - 1) * (1 - (1 - z) ** R * hyp2f1(R, B, c, z))
    return found


def _when_alike(R: Array, A: Array, a: Array, B: Array, h: Array) -> Array:  # noqa: N803
    """The limit of eq. 10 for a + B without bounds: all leave with the same p, and E[N] is E[(1 - exp(-p l h)) / p]."""
    p = a / (a + B)
    found: Array = -np.expm1(-R * np.log1p(p * h / A)) / p
    return found


def _by_sum(R: Array, A: Array, a: Array, B: Array, h: Array) -> Array:  # noqa: N803
    """E[(1 - (1 + p h / A)^-R) / p] over Beta(a, B), by a Gauss-Legendre sum over the log-odds of p.

    For the rows where the hypergeometric function is lost in rounding, such as hundreds of orders and a horizon far beyond A.
    Log-odds are the difference of logarithms of a Gamma(a) and a Gamma(B), which bounds where they lie; below, where p is
    so small that nobody leaves within h, the mean is R h / A.
    """
    least, most = _log_least(a) - np.log(B + 9 * np.sqrt(B) + 40), np.log(a + 9 * np.sqrt(a) + 40) - _log_least(B)
    low = np.minimum(np.maximum(least, np.log(UNFELT * A / (R * h))), most)
    odds = (most + low) / 2 + (most - low) / 2 * POINTS[:, None]
    p = expit(odds)
    log_density = -a * np.logaddexp(0, -odds) - B * np.logaddexp(0, odds) - betaln(a, B)
    terms = WEIGHTS[:, None] * np.exp(log_density) * -np.expm1(-R * np.log1p(p * h / A)) / p
    found: Array = terms.sum(axis=0) * (most - low) / 2 + betainc(a, B, expit(low)) * R * h / A
    return found


def _log_least(shape: Array) -> Array:
    """What the logarithm of a Gamma(shape) next to never falls below."""
    least: Array = np.log(shape) - 9 / np.sqrt(shape) - 36 / shape
    return least


def _pairs_when_alike(R: Array, A: Array, p: Array, h: float | Array) -> Array:  # noqa: N803
    """E[N (N - 1)] where all leave with the same p: 2 (1 - p) / p^2 E[1 - exp(-p l h) (1 + p l h)]."""
    gone = np.exp(-R * np.log1p(p * h / A))
    found: Array = 2 * (1 - p) / p**2 * (1 - gone * (1 + R * p * h / (A + p * h)))
    return found
