"""The likelihood of the Pareto/NBD: Fader and Hardie (2005), brucehardie.com/notes/009, eq. 18 and 19."""

import numpy as np
from scipy.special import digamma, expit, gammaln

from features.frames.arrays import Array
from models.btyd.histories import Histories, unique_inverse
from models.btyd.pareto_integral import leaving_odds


class ParetoLikelihood:
    """Sum of ln L over histories (note 009, eq. 18 and 19), with its gradient in r, alpha, s, beta, which all customers share.

    Terms that depend on x or T alone are computed once per distinct value.
    """

    def __init__(self, data: Histories) -> None:
        """Index the histories by distinct x and T."""
        self.data = data
        self.x, x_index = unique_inverse(data.x)
        self.T, T_index = unique_inverse(data.T)  # noqa: N806  # the papers' symbol
        self.weight_per_x, self.weight_per_T = np.bincount(x_index, data.weight), np.bincount(T_index, data.weight)
        self.orders_per_T = np.bincount(T_index, data.weight * data.x)

    def __call__(self, params: Array) -> tuple[float, Array]:
        """Return value and gradient."""
        r, alpha, s, beta = params
        odds = leaving_odds(params, self.data.x, self.data.t_x, self.data.T)
        left = self.data.weight * expit(odds.log)
        customers, exponent_per_T = self.weight_per_x.sum(), r * self.weight_per_T + self.orders_per_T  # noqa: N806
        log_alpha, log_beta = np.log(alpha + self.T), np.log(beta + self.T)
        x_gradient = self.weight_per_x @ (digamma(r + self.x) - digamma(r))
        value = (
            self.weight_per_x @ (gammaln(r + self.x) - gammaln(r))
            + customers * (r * np.log(alpha) + s * np.log(beta))
            - exponent_per_T @ log_alpha
            - s * (self.weight_per_T @ log_beta)
            + self.data.weight @ np.logaddexp(0, odds.log)
        )
        gradient = [
            x_gradient + customers * np.log(alpha) - self.weight_per_T @ log_alpha + left @ odds.r,
            customers * r / alpha - exponent_per_T @ (1 / (alpha + self.T)) + left @ odds.alpha,
            customers * np.log(beta) - self.weight_per_T @ log_beta + left @ odds.s,
            customers * s / beta - s * (self.weight_per_T @ (1 / (beta + self.T))) + left @ odds.beta,
        ]
        return float(value), np.array(gradient)


def log_likelihood_by_row(params: Array, data: Histories) -> tuple[Array, Array]:
    """Return ln L of every history and its gradient of shape (4, rows); `params` has that shape too, a column per row."""
    r, alpha, s, beta = params
    odds, exponent = leaving_odds(params, data.x, data.t_x, data.T), r + data.x
    left = expit(odds.log)
    log_alpha, log_beta = np.log(alpha + data.T), np.log(beta + data.T)
    value = gammaln(exponent) - gammaln(r) + r * np.log(alpha) + s * np.log(beta) - exponent * log_alpha - s * log_beta
    gradient = [
        digamma(exponent) - digamma(r) + np.log(alpha) - log_alpha + left * odds.r,
        r / alpha - exponent / (alpha + data.T) + left * odds.alpha,
        np.log(beta) - log_beta + left * odds.s,
        s / beta - s / (beta + data.T) + left * odds.beta,
    ]
    return value + np.logaddexp(0, odds.log), np.array(gradient)
