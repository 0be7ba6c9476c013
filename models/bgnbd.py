"""BG/NBD: orders come at a customer's own rate until the customer drops out after one of them.

Fader, Hardie and Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD
Model, Marketing Science 24(2), doi:10.1287/mksc.1040.0098. The formulas stand in `models/beta_geometric.py`.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from models import beta_geometric
from models.fitted_model import UNFITTED
from models.histories import Histories
from models.log_odds import Array
from models.maximum_likelihood import LogLikelihood
from models.order_model import OrderModel


@dataclass(frozen=True)
class BGNBD(OrderModel):
    """A BG/NBD; `BGNBD().fit(frame)` returns a fitted one. r has no unit, alpha the time unit of the data, a and b none.

    P(alive) is 1 for every customer without a repeat purchase: the first order is no occasion to drop out.
    """

    r: float = UNFITTED
    alpha: float = UNFITTED
    a: float = UNFITTED
    b: float = UNFITTED

    PARAMETERS: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    TIMES: ClassVar[tuple[str, ...]] = ("alpha",)
    LIFETIMES: ClassVar[str] = "BetaGeoFitter"
    FIRST_COUNTS: ClassVar[int] = 0
    STARTS: ClassVar[tuple[tuple[float, float, float], ...]] = (
        (0.5, 0.5, 2.0),
        (0.2, 1.0, 1.0),
        (2.0, 0.1, 2.0),
        (5.0, 1.0, 20.0),
    )

    def alive(self, x: Array, t_x: Array, T: Array) -> Array:  # noqa: N803  # the paper's symbol
        """P(alive | x, t_x, T)."""
        return beta_geometric.p_alive(self._shape(), x, t_x, T, x + self.FIRST_COUNTS)

    def silent(self, x: Array, t_x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """P(no order in (T, T + h] | x, t_x, T), exact for every x, 0 included."""
        return 1 - self.alive(x, t_x, T) * (1 - beta_geometric.p_silent_if_alive(self._shape(), x, T, h))

    def orders(self, x: Array, t_x: Array, T: Array, h: float) -> Array:  # noqa: N803
        """E[orders in (T, T + h] | x, t_x, T] (eq. 10)."""
        return self.alive(x, t_x, T) * beta_geometric.orders_if_alive(self._shape(), x, T, x + self.FIRST_COUNTS, h)

    def waiting_time(self, x: Array, t_x: Array, T: Array, p_still_waiting: Array) -> Array:  # noqa: N803
        """Time after T at which P(no order yet) has fallen to `p_still_waiting`; infinity where it never does."""
        shape = self._shape()
        silent = 1 - (1 - p_still_waiting) / self.alive(x, t_x, T)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            wait = (shape.alpha + T) * np.expm1(-np.log(silent) / (shape.r + x))
        return np.where(silent > 0, wait, np.inf)

    def p_orders(self, x: float, t_x: float, T: float, h: float, most: int) -> Array:  # noqa: N803
        """P(n orders in (T, T + h] | x, t_x, T) of one customer, for n = 0 to `most`; sums to less than 1 by what is above."""
        alive = float(self.alive(np.array([x]), np.array([t_x]), np.array([T]))[0])
        counts = alive * beta_geometric.p_orders_if_alive(self._shape(), x, T, x + self.FIRST_COUNTS, h, most)
        counts[0] += 1 - alive
        return counts

    def _shape(self) -> beta_geometric.Shape:
        return beta_geometric.Shape(**self.params)

    def _likelihood(self, data: Histories) -> LogLikelihood:
        return beta_geometric.LogLikelihood(data, self.FIRST_COUNTS)

    def _starts(self, per_time: float) -> list[Array]:
        return [np.array([r, r / per_time, a, b]) for r, a, b in self.STARTS]
