"""The likelihood of the Pareto/NBD: Fader and Hardie (2005), brucehardie.com/notes/009, eq. 18 and 19."""

import numpy as np
from scipy.special import digamma, expit, gammaln

from models.btyd.histories import Histories, unique
from models.btyd.pareto_integral import odds_of_leaving
from models.log_odds import Array


class ParetoLikelihood:
    """Sum of ln L over histories (note 009, eq. 18 and 19), with its gradient in r, alpha, s, beta, which all customers share."""

    def __init__(self, data: Histories) -> None:
        """Prepare what depends on x or T alone: it is reckoned once per different value."""
        self.data = data
        self.x, of_x = unique(data.x)
        self.T, of_T = unique(data.T)  # noqa: N806  # the papers' symbol
        self.per_x, self.per_T = np.bincount(of_x, data.weight), np.bincount(of_T, data.weight)
        self.orders_per_T = np.bincount(of_T, data.weight * data.x)

    def __call__(self, params: Array) -> tuple[float, Array]:
        """Return value and gradient."""
        r, alpha, s, beta = params
        odds = odds_of_leaving(params, self.data.x, self.data.t_x, self.data.T)
        left = self.data.weight * expit(odds.log)
        everyone, at_risk = self.per_x.sum(), r * self.per_T + self.orders_per_T
        log_alpha, log_beta = np.log(alpha + self.T), np.log(beta + self.T)
        value = (
            self.per_x @ (gammaln(r + self.x) - gammaln(r))
            + everyone * (r * np.log(alpha) + s * np.log(beta))
            - at_risk @ log_alpha
            - s * (self.per_T @ log_beta)
            + self.data.weight @ np.logaddexp(0, odds.log)
        )
        gradient = [
            self.per_x @ (digamma(r + self.x) - digamma(r)) + everyone * np.log(alpha) - self.per_T @ log_alpha + left @ odds.r,
            everyone * r / alpha - at_risk @ (1 / (alpha + self.T)) + left @ odds.alpha,
            everyone * np.log(beta) - self.per_T @ log_beta + left @ odds.s,
            everyone * s / beta - s * (self.per_T @ (1 / (beta + self.T))) + left @ odds.beta,
        ]
        return float(value), np.array(gradient)


def by_row(params: Array, data: Histories) -> tuple[Array, Array]:
    """Return ln L of every history, and its gradient of shape (4, rows), with parameters of its own: shape (4, rows)."""
    r, alpha, s, beta = params
    odds, orders = odds_of_leaving(params, data.x, data.t_x, data.T), r + data.x
    left = expit(odds.log)
    log_alpha, log_beta = np.log(alpha + data.T), np.log(beta + data.T)
    value = gammaln(orders) - gammaln(r) + r * np.log(alpha) + s * np.log(beta) - orders * log_alpha - s * log_beta
    gradient = [
        digamma(orders) - digamma(r) + np.log(alpha) - log_alpha + left * odds.r,
        r / alpha - orders / (alpha + data.T) + left * odds.alpha,
        np.log(beta) - log_beta + left * odds.s,
        s / beta - s / (beta + data.T) + left * odds.beta,
    ]
    return value + np.logaddexp(0, odds.log), np.array(gradient)
