"""The likelihood of BG/NBD and MBG/NBD: eq. 3 of Fader, Hardie and Lee (2005), doi:10.1287/mksc.1040.0098.

In MBG/NBD the first order is an occasion to leave too, so that k is x + 1 instead of x (`models/btyd/beta_geometric.py`).
"""

import numpy as np
from scipy.special import digamma, expit, gammaln

from models.btyd.histories import Histories, unique
from models.btyd.threads import in_threads
from models.log_odds import Array

BLOCK = 32_768


class BetaGeometricLikelihood:
    """Sum of ln L (eq. 3) over histories, with its gradient in r, alpha, a, b, which all customers share.

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
        last_stay = b + (np.maximum(self.k, 1) - 1)
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


def by_row(params: Array, data: Histories, first_counts: int) -> tuple[Array, Array]:
    """Return ln L of every history, and its gradient of shape (4, rows), with parameters of its own: shape (4, rows)."""
    r, alpha, a, b = params
    k, orders = data.x + first_counts, r + data.x
    could, last_stay = k > 0, b + (np.maximum(k, 1) - 1)
    gap = np.log((alpha + data.T) / (alpha + data.t_x))
    odds = np.where(could, np.log(a) - np.log(last_stay) + orders * gap, -np.inf)
    dropped = expit(odds)
    value = gammaln(orders) - gammaln(r) + r * np.log(alpha) - orders * np.log(alpha + data.T) + np.logaddexp(0, odds)
    value += gammaln(a + b) - gammaln(a + b + k) + gammaln(b + k) - gammaln(b)
    sooner = dropped * orders * (1 / (alpha + data.T) - 1 / (alpha + data.t_x))
    occasions = digamma(a + b) - digamma(a + b + k)
    gradient = [
        digamma(orders) - digamma(r) + np.log(alpha) - np.log(alpha + data.T) + dropped * gap,
        r / alpha - orders / (alpha + data.T) + sooner,
        occasions + dropped / a,
        occasions + digamma(b + k) - digamma(b) - dropped / last_stay,
    ]
    return value, np.array(gradient)
