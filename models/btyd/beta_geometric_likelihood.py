"""The likelihood of BG/NBD and MBG/NBD, and of their regular variants.

Eq. 3 of Fader, Hardie and Lee (2005), doi:10.1287/mksc.1040.0098; for BG/CNBD-k and MBG/CNBD-k see `regular_process.py`. In
MBG/NBD the first order is a dropout opportunity too: there are x + 1 of them instead of x (`models/btyd/beta_geometric.py`).
With orders that are every k-th event of a Poisson process, k x takes the place of x in the terms of the rate, and the silence
since the last order enters through the events that may have occurred in it.
"""

import numpy as np
from scipy.special import digamma, expit, gammaln

from features.frames.arrays import Array
from models.btyd.histories import Histories, unique_inverse
from models.threads import map_in_threads

BLOCK_ROWS = 32_768


class BetaGeometricLikelihood:
    """Sum of ln L over histories, with its gradient in r, alpha, a, b, which all customers share.

    For k above 1, the times between the orders add a constant to it (`gap_constant`). Terms that depend on x, t_x or T alone are
    computed once per distinct value: days and counts repeat.
    """

    def __init__(self, data: Histories, first_order_counts: int, k: int = 1) -> None:
        """Index the histories; `first_order_counts` is 1 where the first order is a dropout opportunity, else 0."""
        self.k = k
        distinct_x, x_index = unique_inverse(data.x)
        self.events, self.chances = k * distinct_x, distinct_x + first_order_counts
        self.T, T_index = unique_inverse(data.T)  # noqa: N806  # the papers' symbol
        self.weight_per_x, self.weight_per_T = np.bincount(x_index, data.weight), np.bincount(T_index, data.weight)
        self.events_per_T = np.bincount(T_index, data.weight * k * data.x)
        rows = (self.chances[x_index] > 0) | (k > 1)  # in others, the last factor of the likelihood is 1
        self.x_index, self.T_index, self.row_events = x_index[rows], T_index[rows], k * data.x[rows]
        self.can_leave = self.chances[self.x_index] > 0
        self.weight = data.weight[rows]
        self.silence = data.T[rows] - data.t_x[rows]
        self.t_x, self.t_x_index = unique_inverse(data.t_x[rows])

    def __call__(self, params: Array) -> tuple[float, Array]:
        """Return value and gradient."""
        r, alpha, a, b = params
        log_T = np.log(alpha + self.T)  # noqa: N806
        customers, exponent_per_T = self.weight_per_x.sum(), r * self.weight_per_T + self.events_per_T  # noqa: N806
        x_terms = gammaln(r + self.events) - gammaln(r) + gammaln(a + b) - gammaln(a + b + self.chances)
        x_terms += gammaln(b + self.chances) - gammaln(b)
        value = self.weight_per_x @ x_terms + customers * r * np.log(alpha) - exponent_per_T @ log_T
        chance_terms = digamma(a + b) - digamma(a + b + self.chances)
        gradient = np.array(
            [
                self.weight_per_x @ (digamma(r + self.events) - digamma(r))
                + customers * np.log(alpha)
                - self.weight_per_T @ log_T,
                customers * r / alpha - exponent_per_T @ (1 / (alpha + self.T)),
                self.weight_per_x @ chance_terms,
                self.weight_per_x @ (chance_terms + digamma(b + self.chances) - digamma(b)),
            ]
        )
        last_factor = self._last_factor(params, log_T)
        return float(value + last_factor[0]), gradient + last_factor[1:]

    def _last_factor(self, params: Array, log_T: Array) -> Array:  # noqa: N803  # the papers' symbol
        """Return what the time after the last order adds to value and gradient; only this part visits every row.

        The customer left after the last order, or had fewer than k events since.
        """
        r, alpha, a, b = params
        log_t_x, inverse_t_x = np.log(alpha + self.t_x), 1 / (alpha + self.t_x)
        inverse_T = 1 / (alpha + self.T)  # noqa: N806
        stay = b + (np.maximum(self.chances, 1) - 1)
        log_dropout_odds, inverse_stay = np.log(a) - np.log(stay), 1 / stay

        def block_terms(rows: slice) -> Array:
            x_index, T_index, t_x_index = self.x_index[rows], self.T_index[rows], self.t_x_index[rows]  # noqa: N806
            weight, exponent = self.weight[rows], r + self.row_events[rows]
            gap = log_T[T_index] - log_t_x[t_x_index]
            waiting, waiting_r, waiting_alpha = waiting_terms(self.k, exponent, self.silence[rows], inverse_T[T_index])
            odds = np.where(self.can_leave[rows], log_dropout_odds[x_index] + exponent * gap - waiting, -np.inf)
            decay = np.exp(-np.abs(odds))  # both branches of the logistic function, without overflow
            dropped = weight * np.where(odds > 0, 1.0, decay) / (1 + decay)
            waits = weight - dropped
            value = weight @ (np.maximum(odds, 0) + np.log1p(decay) + waiting)
            r_term = dropped @ gap + waits @ waiting_r
            alpha_term = dropped @ (exponent * (inverse_T[T_index] - inverse_t_x[t_x_index])) + waits @ waiting_alpha
            return np.array([value, r_term, alpha_term, dropped.sum() / a, -(dropped @ inverse_stay[x_index])])

        blocks = [slice(start, start + BLOCK_ROWS) for start in range(0, max(len(self.weight), 1), BLOCK_ROWS)]
        total: Array = np.sum(map_in_threads(block_terms, blocks), axis=0)
        return total


def waiting_terms(k: int, exponent: Array, silence: Array, inverse_T: Array) -> tuple[Array, Array, Array]:  # noqa: N803
    """Return ln of the sum over fewer than k events since the last order, and its derivatives in r and alpha; 0 for k = 1.

    The sum over j of (r + k x)_j / j! (silence / (alpha + T))^j, with rising factorials.
    """
    zeros = np.zeros_like(exponent)
    if k == 1:
        return zeros, zeros, zeros
    share = silence * inverse_T
    term, total, by_r, by_alpha, log_derivative = np.ones_like(exponent), np.ones_like(exponent), zeros, zeros, zeros
    for j in range(1, k):
        log_derivative = log_derivative + 1 / (exponent + j - 1)
        term = term * (exponent + j - 1) / j * share
        total, by_r, by_alpha = total + term, by_r + term * log_derivative, by_alpha - j * term * inverse_T
    return np.log(total), by_r / total, by_alpha / total


def gap_constant(data: Histories, log_gaps: float, k: int) -> float:
    """Return what the times between all orders add to the log-likelihood; `log_gaps` is the sum of their logarithms."""
    return (k - 1) * log_gaps - float(data.weight @ data.x) * float(gammaln(k))


def log_likelihood_by_row(params: Array, data: Histories, first_order_counts: int, k: int = 1) -> tuple[Array, Array]:
    """Return ln L of every history and its gradient of shape (4, rows); `params` has that shape too, a column per row."""
    r, alpha, a, b = params
    chances, exponent = data.x + first_order_counts, r + k * data.x
    can_leave, stay = chances > 0, b + (np.maximum(chances, 1) - 1)
    gap = np.log((alpha + data.T) / (alpha + data.t_x))
    waiting, waiting_r, waiting_alpha = waiting_terms(k, exponent, data.T - data.t_x, 1 / (alpha + data.T))
    odds = np.where(can_leave, np.log(a) - np.log(stay) + exponent * gap - waiting, -np.inf)
    dropped = expit(odds)
    value = gammaln(exponent) - gammaln(r) + r * np.log(alpha) - exponent * np.log(alpha + data.T) + np.logaddexp(0, odds)
    value += waiting + gammaln(a + b) - gammaln(a + b + chances) + gammaln(b + chances) - gammaln(b)
    alpha_term = dropped * exponent * (1 / (alpha + data.T) - 1 / (alpha + data.t_x)) + (1 - dropped) * waiting_alpha
    chance_terms = digamma(a + b) - digamma(a + b + chances)
    gradient = [
        digamma(exponent) - digamma(r) + np.log(alpha) - np.log(alpha + data.T) + dropped * gap + (1 - dropped) * waiting_r,
        r / alpha - exponent / (alpha + data.T) + alpha_term,
        chance_terms + dropped / a,
        chance_terms + digamma(b + chances) - digamma(b) - dropped / stay,
    ]
    return value, np.array(gradient)
