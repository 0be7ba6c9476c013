"""BG/NBD: orders come at a customer's own rate until the customer drops out after one of them.

Fader, Hardie and Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD
Model, Marketing Science 24(2), doi:10.1287/mksc.1040.0098. The formulas are in `models/btyd/beta_geometric.py`.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from features.frames.arrays import Array
from models.btyd.beta_geometric import BetaGeometric
from models.btyd.beta_geometric_likelihood import BetaGeometricLikelihood, log_likelihood_by_row
from models.btyd.covariates import Placement
from models.btyd.fitted_model import UNFITTED
from models.btyd.histories import Histories
from models.btyd.order_model import OrderModel


@dataclass(frozen=True, repr=False)
class BGNBD(OrderModel):
    """BG/NBD; `BGNBD().fit(frame)` returns a fitted model. r, a and b have no unit, alpha has the time unit of the data.

    P(alive) is 1 for every customer without a repeat purchase, because the first order is no dropout opportunity.

    >>> import polars as pl
    >>> from models.btyd import BGNBD
    >>> frame = pl.DataFrame(
    ...     {
    ...         "frequency": [0, 0, 1, 1, 2, 3, 5, 9],
    ...         "recency": [0, 0, 290, 150, 40, 80, 280, 190],
    ...         "T": [300, 365, 365, 365, 200, 100, 300, 200],
    ...         "weight": [80, 110, 40, 30, 70, 10, 30, 60],
    ...     }
    ... )
    >>> model = BGNBD().fit(frame)
    >>> model.diagnosis
    'converged'
    >>> {name: round(value, 2) for name, value in model.params.items()}
    {'r': 0.31, 'alpha': 24.41, 'a': 0.24, 'b': 1.94}
    >>> model.p_no_order(frame, 90).round(2).to_list()
    [0.93, 0.94, 0.8, 0.82, 0.78, 0.25, 0.31, 0.08]
    """

    r: float = UNFITTED
    alpha: float = UNFITTED
    a: float = UNFITTED
    b: float = UNFITTED

    PARAMETERS: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    TIME_PARAMETERS: ClassVar[tuple[str, ...]] = ("alpha",)
    LIFETIMES_FITTER: ClassVar[str] = "BetaGeoFitter"
    DROPOUT: ClassVar[Placement] = Placement(parameter=2, sign=1.0)
    FIRST_ORDER_COUNTS: ClassVar[int] = 0
    STARTS: ClassVar[tuple[tuple[float, float, float], ...]] = (
        (0.5, 0.5, 2.0),
        (0.2, 1.0, 1.0),
        (2.0, 0.1, 2.0),
        (5.0, 1.0, 20.0),
    )

    def _build_process(self, params: list[float | Array]) -> BetaGeometric:
        r, alpha, a, b = params
        return BetaGeometric(r=r, alpha=alpha, a=a, b=b, first_order_counts=self.FIRST_ORDER_COUNTS)

    def _likelihood(self, data: Histories) -> BetaGeometricLikelihood:
        return BetaGeometricLikelihood(data, self.FIRST_ORDER_COUNTS)

    def _log_likelihood_by_row(self, params: Array, data: Histories) -> tuple[Array, Array]:
        return log_likelihood_by_row(params, data, self.FIRST_ORDER_COUNTS)

    def _starts(self, order_rate: float) -> list[Array]:
        return [np.array([r, r / order_rate, a, b]) for r, a, b in self.STARTS]
