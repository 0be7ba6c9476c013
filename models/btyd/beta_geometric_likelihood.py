"""The likelihood of BG/NBD and MBG/NBD: eq. 3 of Fader, Hardie and Lee (2005), doi:10.1287/mksc.1040.0098.

In MBG/NBD the first order is a dropout opportunity too, so that k is x + 1 instead of x (`models/btyd/beta_geometric.py`).
"""

import numpy as np
from scipy.special import digamma, expit, gammaln

from features.frames.arrays import Array
from models.btyd.histories import Histories, unique_inverse
from models.threads import map_in_threads

BLOCK_ROWS = 32_768


class BetaGeometricLikelihood:
    """Sum of ln L (eq. 3) over histories, with its gradient in r, alpha, a, b, which all customers share.

    Terms that depend on x, t_x or T alone are computed once per distinct value: days and counts repeat.
    """

    def __init__(self, data: Histories, first_order_counts: int) -> None:
        """Index the histories; `first_order_counts` is 1 where the first order is a dropout opportunity, else 0."""
        self.x, x_index = unique_inverse(data.x)
        self.k = self.x + first_order_counts
        self.T, T_index = unique_inverse(data.T)  # noqa: N806  # the papers' symbol
        self.weight_per_x, self.weight_per_T = np.bincount(x_index, data.weight), np.bincount(T_index, data.weight)
        self.orders_per_T = np.bincount(T_index, data.weight * data.x)
        can_leave = self.k[x_index] > 0
        self.x_index, self.T_index, self.repeats = x_index[can_leave], T_index[can_leave], data.x[can_leave]
        self.weight = data.weight[can_leave]
        self.t_x, self.t_x_index = unique_inverse(data.t_x[can_leave])

    def __call__(self, params: Array) -> tuple[float, Array]:
        """Return value and gradient."""
        r, alpha, a, b = params
        log_T = np.log(alpha + self.T)  # noqa: N806
        customers, exponent_per_T = self.weight_per_x.sum(), r * self.weight_per_T + self.orders_per_T  # noqa: N806
        x_terms = gammaln(r + self.x) - gammaln(r) + gammaln(a + b) - gammaln(a + b + self.k) + gammaln(b + self.k) - gammaln(b)
        value = self.weight_per_x @ x_terms + customers * r * np.log(alpha) - exponent_per_T @ log_T
        k_terms = digamma(a + b) - digamma(a + b + self.k)
        gradient = np.array(
            [
                self.weight_per_x @ (digamma(r + self.x) - digamma(r)) + customers * np.log(alpha) - self.weight_per_T @ log_T,
                customers * r / alpha - exponent_per_T @ (1 / (alpha + self.T)),
                self.weight_per_x @ k_terms,
                self.weight_per_x @ (k_terms + digamma(b + self.k) - digamma(b)),
            ]
        )
        dropout = self._dropout_terms(params, log_T)
        return float(value + dropout[0]), gradient + dropout[1:]

    def _dropout_terms(self, params: Array, log_T: Array) -> Array:  # noqa: N803  # the papers' symbol
        """Return what possible dropout after the last order adds to value and gradient; only this part visits every row."""
        r, alpha, a, b = params
        log_t_x, inverse_t_x = np.log(alpha + self.t_x), 1 / (alpha + self.t_x)
        inverse_T = 1 / (alpha + self.T)  # noqa: N806
        stay = b + (np.maximum(self.k, 1) - 1)
        log_dropout_odds, inverse_stay = np.log(a) - np.log(stay), 1 / stay

        def block_terms(rows: slice) -> Array:
            x_index, T_index, t_x_index = self.x_index[rows], self.T_index[rows], self.t_x_index[rows]  # noqa: N806
            exponent = r + self.repeats[rows]
            gap = log_T[T_index] - log_t_x[t_x_index]
            odds = log_dropout_odds[x_index] + exponent * gap
            decay = np.exp(-np.abs(odds))  # both branches of the logistic function, without overflow
            dropped = self.weight[rows] * np.where(odds > 0, 1.0, decay) / (1 + decay)
            value = self.weight[rows] @ (np.maximum(odds, 0) + np.log1p(decay))
            alpha_term = dropped @ (exponent * (inverse_T[T_index] - inverse_t_x[t_x_index]))
            return np.array([value, dropped @ gap, alpha_term, dropped.sum() / a, -(dropped @ inverse_stay[x_index])])

        blocks = [slice(start, start + BLOCK_ROWS) for start in range(0, max(len(self.weight), 1), BLOCK_ROWS)]
        total: Array = np.sum(map_in_threads(block_terms, blocks), axis=0)
        return total


def log_likelihood_by_row(params: Array, data: Histories, first_order_counts: int) -> tuple[Array, Array]:
    """Return ln L of every history and its gradient of shape (4, rows); `params` has that shape too, a column per row."""
    r, alpha, a, b = params
    k, exponent = data.x + first_order_counts, r + data.x
    can_leave, stay = k > 0, b + (np.maximum(k, 1) - 1)
    gap = np.log((alpha + data.T) / (alpha + data.t_x))
    odds = np.where(can_leave, np.log(a) - np.log(stay) + exponent * gap, -np.inf)
    dropped = expit(odds)
    value = gammaln(exponent) - gammaln(r) + r * np.log(alpha) - exponent * np.log(alpha + data.T) + np.logaddexp(0, odds)
    value += gammaln(a + b) - gammaln(a + b + k) + gammaln(b + k) - gammaln(b)
    alpha_term = dropped * exponent * (1 / (alpha + data.T) - 1 / (alpha + data.t_x))
    k_terms = digamma(a + b) - digamma(a + b + k)
    gradient = [
        digamma(exponent) - digamma(r) + np.log(alpha) - np.log(alpha + data.T) + dropped * gap,
        r / alpha - exponent / (alpha + data.T) + alpha_term,
        k_terms + dropped / a,
        k_terms + digamma(b + k) - digamma(b) - dropped / stay,
    ]
    return value, np.array(gradient)
