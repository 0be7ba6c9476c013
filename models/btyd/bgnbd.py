"""BG/NBD: orders come at a customer's own rate until the customer drops out after one of them.

Fader, Hardie and Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD
Model, Marketing Science 24(2), doi:10.1287/mksc.1040.0098. The formulas stand in `models/btyd/beta_geometric.py`.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from models.btyd.beta_geometric import BetaGeometric
from models.btyd.beta_geometric_likelihood import BetaGeometricLikelihood, by_row
from models.btyd.covariates import Placed
from models.btyd.fitted_model import UNFITTED
from models.btyd.histories import Histories
from models.btyd.order_model import OrderModel
from models.log_odds import Array


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
    DROPOUT: ClassVar[Placed] = Placed(2, 1.0)
    FIRST_COUNTS: ClassVar[int] = 0
    STARTS: ClassVar[tuple[tuple[float, float, float], ...]] = (
        (0.5, 0.5, 2.0),
        (0.2, 1.0, 1.0),
        (2.0, 0.1, 2.0),
        (5.0, 1.0, 20.0),
    )

    def _process(self, params: list[float | Array]) -> BetaGeometric:
        r, alpha, a, b = params
        return BetaGeometric(r, alpha, a, b, self.FIRST_COUNTS)

    def _likelihood(self, data: Histories) -> BetaGeometricLikelihood:
        return BetaGeometricLikelihood(data, self.FIRST_COUNTS)

    def _by_row(self, params: Array, data: Histories) -> tuple[Array, Array]:
        return by_row(params, data, self.FIRST_COUNTS)

    def _starts(self, per_time: float) -> list[Array]:
        return [np.array([r, r / per_time, a, b]) for r, a, b in self.STARTS]
