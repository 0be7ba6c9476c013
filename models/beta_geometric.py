"""The mathematics that BG/NBD and MBG/NBD share.

Orders come at a rate of Gamma(r, alpha); after each a customer drops out with a probability of Beta(a, b). In BG/NBD
(Fader, Hardie and Lee 2005, doi:10.1287/mksc.1040.0098) the first order is no occasion to drop out, in MBG/NBD (Batislam,
Denizel and Filiztekin 2007, doi:10.1016/j.ijresmar.2006.12.005; Hoppe and Wagner 2007) it is. So both differ in the number
of occasions k only: x in the one, x + 1 in the other. Equations below are numbered as in the first paper.

Arrays: x, t_x, T and k of one length, in one time unit, which alpha and h share.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, expit, gammaln, hyp2f1, logsumexp

from models.histories import Histories, unique
from models.log_odds import Array
from models.threads import in_threads

BLOCK = 32_768
SINGULAR = 1e-6
LARGE, ALIKE = 30.0, 1e5


@dataclass(frozen=True)
class Shape:
    """Parameters: r, a and b have no unit, alpha that of time."""

    r: float
    alpha: float
    a: float
    b: float


class LogLikelihood:
    """Sum of ln L (eq. 3) over histories, with its gradient in r, alpha, a, b.

    What depends on x, t_x or T alone is reckoned once per different value: days and counts repeat.
    """

    def __init__(self, data: Histories, first_counts: int) -> None:
        """Prepare; `first_counts` is 1 where the first order is an occasion to drop out, else 0."""
        self.x, of_x = unique(data.x)
        self.k = self.x + first_counts
        self.T, of_T = unique(data.T)  # noqa: N806  # the papers' symbol
        self.per_x, self.per_T = np.bincount(of_x, data.weight), np.bincount(of_T, data.weight)
        self.orders_per_T = np.bincount(of_T, data.weight * data.x)
        could = self.k[of_x] > 0
        self.of_x, self.of_T, self.repeats, self.weight = of_x[could], of_T[could], data.x[could], data.weight[could]
        self.t_x, self.of_t = unique(data.t_x[could])

    def __call__(self, params: Array) -> tuple[float, Array]:
        """Return value and gradient."""
        r, alpha, a, b = params
        log_T = np.log(alpha + self.T)  # noqa: N806
        everyone, at_risk = self.per_x.sum(), r * self.per_T + self.orders_per_T
        by_x = gammaln(r + self.x) - gammaln(r) + gammaln(a + b) - gammaln(a + b + self.k) + gammaln(b + self.k) - gammaln(b)
        known = self.per_x @ by_x + everyone * r * np.log(alpha) - at_risk @ log_T
        occasions = digamma(a + b) - digamma(a + b + self.k)
        gradient = np.array(
            [
                self.per_x @ (digamma(r + self.x) - digamma(r)) + everyone * np.log(alpha) - self.per_T @ log_T,
                everyone * r / alpha - at_risk @ (1 / (alpha + self.T)),
                self.per_x @ occasions,
                self.per_x @ (occasions + digamma(b + self.k) - digamma(b)),
            ]
        )
        unknown = self._of_the_unknown(params, log_T)
        return float(known + unknown[0]), gradient + unknown[1:]

    def _of_the_unknown(self, params: Array, log_T: Array) -> Array:  # noqa: N803  # the papers' symbol
        """What not knowing whether they dropped out adds to value and gradient: the only part that goes over all rows."""
        r, alpha, a, b = params
        log_t, inverse_t = np.log(alpha + self.t_x), 1 / (alpha + self.t_x)
        inverse_T = 1 / (alpha + self.T)  # noqa: N806
        last_stay = b + np.maximum(self.k, 1) - 1
        log_drop, inverse_b = np.log(a) - np.log(last_stay), 1 / last_stay

        def block(rows: slice) -> Array:
            of_x, of_T, of_t = self.of_x[rows], self.of_T[rows], self.of_t[rows]  # noqa: N806
            orders = r + self.repeats[rows]
            gap = log_T[of_T] - log_t[of_t]
            odds = log_drop[of_x] + orders * gap
            shrunk = np.exp(-np.abs(odds))
            dropped = self.weight[rows] * np.where(odds > 0, 1.0, shrunk) / (1 + shrunk)
            value = self.weight[rows] @ (np.maximum(odds, 0) + np.log1p(shrunk))
            sooner = dropped @ (orders * (inverse_T[of_T] - inverse_t[of_t]))
            return np.array([value, dropped @ gap, sooner, dropped.sum() / a, -(dropped @ inverse_b[of_x])])

        blocks = [slice(at, at + BLOCK) for at in range(0, max(len(self.weight), 1), BLOCK)]
        total: Array = np.sum(in_threads(block, blocks), axis=0)
        return total


def p_alive(model: Shape, x: Array, t_x: Array, T: Array, k: Array) -> Array:  # noqa: N803  # the papers' symbol
    """P(alive | x, t_x, T): the first of the two terms of the likelihood (eq. 3) over their sum; 1 where k is 0."""
    odds = (
        np.log(model.a) - np.log(model.b + np.maximum(k, 1) - 1) + (model.r + x) * np.log((model.alpha + T) / (model.alpha + t_x))
    )
    alive: Array = np.where(k > 0, expit(-odds), 1.0)
    return alive


def p_silent_if_alive(model: Shape, x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
    """P(no order in (T, T + h]) of one alive at T, whose rate is Gamma(r + x, alpha + T): nobody leaves but after an order."""
    silent: Array = np.exp((model.r + x) * np.log((model.alpha + T) / (model.alpha + T + h)))
    return silent


def orders_if_alive(model: Shape, x: Array, T: Array, k: Array, h: float) -> Array:  # noqa: N803
    """E[orders in (T, T + h]] of one alive at T (eq. 10 without P(alive))."""
    return _when_alike(model, x, T, k, h) if model.a + model.b > ALIKE else _orders(model, x, T, k, h)


def _orders(model: Shape, x: Array, T: Array, k: Array, h: float) -> Array:  # noqa: N803
    """Eq. 10.

    Euler's transformation of the hypergeometric function (Abramowitz and Stegun 15.3.3) keeps every growing
    parameter in its third place, so that it stays finite for x in the thousands; for a large a it would not.
    """
    a, b, r = model.a if abs(model.a - 1) > SINGULAR else 1 + SINGULAR, model.b, model.r
    z = h / (model.alpha + T + h)
    c = a + b + k - 1
    if a > LARGE:
        silent = (1 - z) ** (r + x) * hyp2f1(r + x, b + k, c, z)
    else:
        silent = (1 - z) ** (a - 1) * hyp2f1(a + b - 1 - r + k - x, a - 1, c, z)
    expected: Array = c / (a - 1) * (1 - silent)
    return expected


def _when_alike(model: Shape, x: Array, T: Array, k: Array, h: float) -> Array:  # noqa: N803
    """The limit of eq. 10 for a + b without bounds: everybody drops out with the same p after an order.

    A customer with rate l then makes (1 - exp(-l p h)) / p orders in h, and l is Gamma(r + x, alpha + T).
    """
    p = model.a / (model.a + model.b + k)
    silent = np.exp((model.r + x) * np.log((model.alpha + T) / (model.alpha + T + p * h)))
    expected: Array = (1 - silent) / p
    return expected


def p_orders_if_alive(model: Shape, x: float, T: float, k: float, h: float, most: int) -> Array:  # noqa: N803
    """P(n orders in (T, T + h]) of one alive at T, for n = 0 to `most`: eq. 8 with what the history has made of the priors.

    Either the customer is still there after n orders, or left after the n-th and would have ordered again.
    """
    n = np.arange(most + 1, dtype=np.float64)
    r, b, z = model.r + x, model.b + k, h / (model.alpha + T + h)
    log_poisson = gammaln(r + n) - gammaln(r) - gammaln(n + 1) + r * np.log1p(-z) + n * np.log(z)
    stayed = _log_beta(model.a, b + n) - _log_beta(model.a, b)
    more = -np.expm1([logsumexp(log_poisson[:i]) if i else -np.inf for i in range(most + 1)])
    left = np.exp(_log_beta(model.a + 1, b + np.maximum(n, 1) - 1) - _log_beta(model.a, b)) * np.maximum(more, 0)
    found: Array = np.exp(stayed + log_poisson) + np.where(n > 0, left, 0)
    return found


def _log_beta(a: float, b: float | Array) -> Array:
    log: Array = np.asarray(gammaln(a) + gammaln(b) - gammaln(a + b))
    return log
