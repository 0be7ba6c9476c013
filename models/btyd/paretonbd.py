"""Pareto/NBD: orders come at a customer's own rate until the customer leaves, at any moment, at a rate of its own.

Schmittlein, Morrison and Colombo (1987), Counting Your Customers: Who Are They and What Will They Do Next?, Management
Science 33(1), doi:10.1287/mnsc.33.1.1. The formulas stand in `models/btyd/pareto.py`.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from models.btyd.fitted_model import UNFITTED
from models.btyd.histories import Histories
from models.btyd.order_model import OrderModel
from models.btyd.pareto import Pareto
from models.btyd.pareto_likelihood import ParetoLikelihood, by_row
from models.log_odds import Array

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

    def _process(self, params: list[float | Array]) -> Pareto:
        return Pareto(*params)

    def _likelihood(self, data: Histories) -> ParetoLikelihood:
        return ParetoLikelihood(data)

    def _by_row(self, params: Array, data: Histories) -> tuple[Array, Array]:
        return by_row(params, data)

    def _starts(self, per_time: float) -> list[Array]:
        return [np.array([r, r / per_time, s, beta]) for r, s, beta in STARTS]
