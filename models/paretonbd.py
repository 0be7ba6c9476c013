"""Pareto/NBD: orders come at a customer's own rate until the customer leaves, at any moment, at a rate of its own.

Schmittlein, Morrison and Colombo (1987), Counting Your Customers: Who Are They and What Will They Do Next?, Management
Science 33(1), doi:10.1287/mnsc.33.1.1.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.optimize import elementwise
from scipy.special import digamma, expit, gammaln

from models.fitted_model import UNFITTED
from models.histories import Histories, unique
from models.log_odds import Array
from models.maximum_likelihood import LogLikelihood
from models.order_model import OrderModel
from models.pareto_integral import log_odds_of_leaving, odds_of_leaving, p_order_if_alive

SINGULAR = 1e-9
STARTS = ((0.5, 0.5, 8.0), (1.0, 1.0, 20.0), (0.3, 2.0, 50.0), (3.0, 0.2, 3.0))


@dataclass(frozen=True)
class ParetoNBD(OrderModel):
    """A Pareto/NBD; `ParetoNBD().fit(frame)` returns a fitted one. r and s have no unit, alpha and beta that of time."""

    r: float = UNFITTED
    alpha: float = UNFITTED
    s: float = UNFITTED
    beta: float = UNFITTED

    PARAMETERS: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta")
    TIMES: ClassVar[tuple[str, ...]] = ("alpha", "beta")
    LIFETIMES: ClassVar[str] = "ParetoNBDFitter"

    def alive(self, x: Array, t_x: Array, T: Array) -> Array:  # noqa: N803  # the paper's symbol
        """P(alive at T | x, t_x, T) = 1 / (1 + R) (note 009, eq. 20, with R as in `models/pareto_integral.py`)."""
        found: Array = expit(-log_odds_of_leaving(self._values(), x, t_x, T))
        return found

    def silent(self, x: Array, t_x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """P(no order in (T, T + h] | x, t_x, T): gone, or alive and silent, be it for leaving unseen."""
        return 1 - self.alive(x, t_x, T) * p_order_if_alive(
            self._values(), x, T, np.broadcast_to(np.asarray(h, dtype=np.float64), np.shape(x))
        )

    def orders(self, x: Array, t_x: Array, T: Array, h: float) -> Array:  # noqa: N803
        """E[orders in (T, T + h] | x, t_x, T] (Schmittlein et al. 1987, eq. 22), with its limit for s = 1."""
        r, alpha, s, beta = self._values()
        over = s - 1 if abs(s - 1) > SINGULAR else SINGULAR
        stay = -np.expm1(-over * np.log1p(h / (beta + T))) / over * (beta + T)
        expected: Array = self.alive(x, t_x, T) * (r + x) / (alpha + T) * stay
        return expected

    def waiting_time(self, x: Array, t_x: Array, T: Array, p_still_waiting: Array) -> Array:  # noqa: N803
        """Time after T at which P(no order yet) has fallen to `p_still_waiting`; infinity where it never does.

        Found by bracketing and Chandrupatla's method, over the logarithm of the time.
        """
        values, alive = self._values(), self.alive(x, t_x, T)
        wanted = np.broadcast_to((1 - p_still_waiting) / alive, np.shape(x)).astype(np.float64)
        far = np.log(alive + T.max(initial=1.0) + 1e6 * (self.params["alpha"] + T))

        def short(log_h: Array, x: Array, T: Array, wanted: Array) -> Array:  # noqa: N803
            return p_order_if_alive(values, x, T, np.exp(log_h)) - wanted

        ever = short(far, x, T, wanted) > 0
        found = np.full(np.shape(x), np.inf)
        if ever.any():
            within = (np.full(int(ever.sum()), -20.0), far[ever])
            root = elementwise.find_root(short, within, args=(x[ever], T[ever], wanted[ever]))
            found[ever] = np.exp(root.x)
        return found

    def _values(self) -> Array:
        return np.array(list(self.params.values()))

    def _likelihood(self, data: Histories) -> LogLikelihood:
        return ParetoLikelihood(data)

    def _starts(self, per_time: float) -> list[Array]:
        return [np.array([r, r / per_time, s, beta]) for r, s, beta in STARTS]


class ParetoLikelihood:
    """Sum of ln L over histories (note 009, eq. 18 and 19), with its gradient in r, alpha, s, beta."""

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
