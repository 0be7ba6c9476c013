"""BG/CNBD-k and MBG/CNBD-k: BG/NBD and MBG/NBD for customers who buy regularly, such as every month or every year.

Platzer and Reutterer (2016), doi:10.1287/mksc.2015.0963; Reutterer, Platzer and Schroeder (2021),
doi:10.1016/j.ijresmar.2020.09.002. The formulas are in `models/btyd/regular_process.py`, the choice of k in
`models/btyd/regularity.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import polars as pl

from features.frames.arrays import Array
from models.btyd.beta_geometric_likelihood import BetaGeometricLikelihood, gap_constant, log_likelihood_by_row
from models.btyd.bgnbd import BGNBD
from models.btyd.histories import Histories, build_histories
from models.btyd.lifetimes_engine import HOLDFAST_ENGINE
from models.btyd.mbgnbd import MBGNBD
from models.btyd.order_process import OrderProcess
from models.btyd.regular_process import RegularBetaGeometric
from models.btyd.regularity import LOG_GAPS, choose_regularity
from models.errors import InvalidHistoriesError


@dataclass(frozen=True, repr=False)
class BGCNBD(BGNBD):
    """BG/CNBD-k; frames hold `log_gaps` beside frequency, recency and T: the sum of the logarithms of the times between orders.

    `k` is the shape of those times: 1 for orders at random times, where the model is BG/NBD, and higher for regular ones. With
    `k` None, `fit` chooses it. alpha is in the time unit of the data; the mean time between orders is k alpha / r.

    >>> import polars as pl
    >>> from models.btyd import BGCNBD
    >>> gaps = [[28, 33, 30], [31, 25, 34, 29, 30], [62, 55], [], [90]]
    >>> frame = pl.DataFrame(
    ...     {
    ...         "frequency": [len(customer) for customer in gaps],
    ...         "recency": [sum(customer) for customer in gaps],
    ...         "T": [100, 200, 150, 120, 300],
    ...         "log_gaps": [pl.Series(customer, dtype=pl.Float64).log().sum() for customer in gaps],
    ...         "weight": [30, 40, 20, 20, 10],
    ...     }
    ... )
    >>> model = BGCNBD().fit(frame)
    >>> model.k
    12
    >>> model.p_no_order(frame, 30).round(2).to_list()
    [0.35, 0.83, 0.49, 0.59, 0.98]
    """

    k: int | None = None

    def fit(
        self, frame: pl.DataFrame, engine: str = HOLDFAST_ENGINE, rate: Sequence[str] = (), dropout: Sequence[str] = ()
    ) -> Self:
        """Return the maximum-likelihood fit, as OrderModel.fit does, with k as given or chosen.

        The engine "lifetimes" fits k = 1 only. Raises InvalidHistoriesError for another k without the column `log_gaps`.
        """
        k = (choose_regularity(frame) if engine == HOLDFAST_ENGINE else 1) if self.k is None else self.k
        if k > 1 and (LOG_GAPS not in frame.columns or engine != HOLDFAST_ENGINE):
            raise InvalidHistoriesError(f"A fit with k = {k} needs the column {LOG_GAPS}, and the engine {HOLDFAST_ENGINE!r}.")
        fitted = super(BGCNBD, replace(self, k=k)).fit(frame, engine, rate, dropout)
        return replace(fitted.with_gap_constant(frame, k), k=k)

    def to_json(self) -> dict[str, Any]:
        """Return the model as data, with k."""
        return super().to_json() | {"k": self.k}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Rebuild a model from `to_json`."""
        return replace(super().from_json(data), k=data["k"])

    def with_gap_constant(self, frame: pl.DataFrame, k: int) -> Self:
        """Return the model with the times between the orders in its log-likelihood, which the search leaves out."""
        if k == 1 or self.estimate is None:
            return self
        weight = pl.col("weight") if "weight" in frame.columns else pl.lit(1.0)
        log_gaps = float(frame.select((pl.col(LOG_GAPS).fill_null(0.0) * weight).sum()).item())
        constant = gap_constant(build_histories(frame), log_gaps, k)
        return replace(self, estimate=replace(self.estimate, log_likelihood=self.estimate.log_likelihood + constant))

    def _shown(self, values: dict[str, float]) -> dict[str, float]:
        return super()._shown(values) if self.k is None else {"k": float(self.k)} | super()._shown(values)

    def _build_process(self, params: list[float | Array]) -> OrderProcess:  # type: ignore[override]  # of another class for k > 1
        k = self.k or 1
        if k == 1:
            return super()._build_process(params)
        r, alpha, a, b = params
        return RegularBetaGeometric(k=k, r=r, alpha=alpha, a=a, b=b, first_order_counts=self.FIRST_ORDER_COUNTS)

    def _likelihood(self, data: Histories) -> BetaGeometricLikelihood:
        return BetaGeometricLikelihood(data, self.FIRST_ORDER_COUNTS, self.k or 1)

    def _log_likelihood_by_row(self, params: Array, data: Histories) -> tuple[Array, Array]:
        return log_likelihood_by_row(params, data, self.FIRST_ORDER_COUNTS, self.k or 1)

    def _starts(self, order_rate: float) -> list[Array]:
        return [start * np.array([1.0, 1 / (self.k or 1), 1.0, 1.0]) for start in super()._starts(order_rate)]


@dataclass(frozen=True, repr=False)
class MBGCNBD(BGCNBD, MBGNBD):
    """MBG/CNBD-k: like BG/CNBD-k, but a customer may also drop out after the first order."""
