"""Pareto/NBD: orders come at a customer's own rate until the customer leaves, which can happen at any time.

Schmittlein, Morrison and Colombo (1987), Counting Your Customers: Who Are They and What Will They Do Next?, Management
Science 33(1), doi:10.1287/mnsc.33.1.1. The formulas are in `models/btyd/pareto.py`.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from features.frames.arrays import Array
from models.btyd.fitted_model import UNFITTED
from models.btyd.histories import Histories
from models.btyd.order_model import OrderModel
from models.btyd.pareto import Pareto
from models.btyd.pareto_likelihood import ParetoLikelihood, log_likelihood_by_row

STARTS = ((0.5, 0.5, 8.0), (1.0, 1.0, 20.0), (0.3, 2.0, 50.0), (3.0, 0.2, 3.0))


@dataclass(frozen=True, repr=False)
class ParetoNBD(OrderModel):
    """Pareto/NBD; `ParetoNBD().fit(frame)` returns a fitted model. r and s have no unit, alpha and beta have that of time.

    >>> import polars as pl
    >>> from models.btyd import ParetoNBD
    >>> frame = pl.DataFrame(
    ...     {
    ...         "frequency": [0, 0, 1, 1, 2, 3, 5, 9],
    ...         "recency": [0, 0, 290, 150, 40, 80, 280, 190],
    ...         "T": [300, 365, 365, 365, 200, 100, 300, 200],
    ...         "weight": [80, 110, 40, 30, 70, 10, 30, 60],
    ...     }
    ... )
    >>> model = ParetoNBD().fit(frame)
    >>> model.p_alive(frame).round(2).to_list()
    [0.46, 0.42, 0.94, 0.73, 0.38, 0.95, 0.98, 0.99]
    >>> model.p_no_order(frame, 90).round(2).to_list()
    [0.95, 0.96, 0.76, 0.82, 0.8, 0.24, 0.3, 0.08]
    """

    r: float = UNFITTED
    alpha: float = UNFITTED
    s: float = UNFITTED
    beta: float = UNFITTED

    PARAMETERS: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta")
    TIME_PARAMETERS: ClassVar[tuple[str, ...]] = ("alpha", "beta")
    LIFETIMES_FITTER: ClassVar[str] = "ParetoNBDFitter"

    def _build_process(self, params: list[float | Array]) -> Pareto:
        r, alpha, s, beta = params
        return Pareto(r=r, alpha=alpha, s=s, beta=beta)

    def _likelihood(self, data: Histories) -> ParetoLikelihood:
        return ParetoLikelihood(data)

    def _log_likelihood_by_row(self, params: Array, data: Histories) -> tuple[Array, Array]:
        return log_likelihood_by_row(params, data)

    def _starts(self, order_rate: float) -> list[Array]:
        return [np.array([r, r / order_rate, s, beta]) for r, s, beta in STARTS]
