"""What every model of how orders come and end has: one way to fit it, and predictions for frames."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import polars as pl

from models.fitted_model import FittedModel
from models.histories import Histories, arrays, histories
from models.lifetimes_engine import fit_orders
from models.log_odds import Array
from models.maximum_likelihood import Estimate, LogLikelihood, described, maximise

MANY_ROWS, SAMPLE_ROWS = 40_000, 20_000
FEWEST_REPEAT_BUYERS = 10
TYPICAL_T = 10.0
PRIOR_SPREAD = 1.0


@dataclass(frozen=True)
class OrderModel(FittedModel):
    """Base of BG/NBD, MBG/NBD and Pareto/NBD.

    Frames hold `frequency` (x, repeat purchases, >= 0), `recency` (t_x, 0 <= t_x <= T) and `T`, all in one time unit, which
    horizons h share. Results are Series of float64 in the order of the frame; the methods for arrays take x, t_x and T.
    """

    TIMES: ClassVar[tuple[str, ...]] = ()
    LIFETIMES: ClassVar[str] = ""
    ALWAYS_TRIED: ClassVar[int] = 1

    def fit(self, frame: pl.DataFrame, engine: str = "holdfast") -> Self:
        """Return the maximum-likelihood fit to the histories of a frame; an optional `weight` counts rows.

        With fewer than ten repeat buyers the parameters lean on a weak prior around typical ones, and `diagnosis` says
        so. `engine` may be "lifetimes", the reference of the field, which raises TooLittleData where it does not converge.
        Raises BadHistories for a missing column, or a value that cannot be.
        """
        data = histories(frame)
        unit = float(data.weight @ data.T) / data.customers / TYPICAL_T or 1.0
        if engine == "lifetimes":
            params, diagnosis = fit_orders(self.LIFETIMES, self.PARAMETERS, data)
            return self.of(described(self._likelihood(data), params, diagnosis))
        return self.of(_in_the_datas_unit(self._estimate(data.scaled(unit)), data, unit, self._timed()))

    def p_alive(self, frame: pl.DataFrame) -> pl.Series:
        """Probability of not having dropped out by T."""
        return pl.Series("p_alive", self.alive(*arrays(frame)))

    def p_no_order(self, frame: pl.DataFrame, h: float) -> pl.Series:
        """Probability of no order in (T, T + h]: the churn probability of a non-contractual customer."""
        return pl.Series("p_no_order", self.silent(*arrays(frame), h))

    def expected_orders(self, frame: pl.DataFrame, h: float) -> pl.Series:
        """Expected number of orders in (T, T + h]."""
        return pl.Series("expected_orders", self.orders(*arrays(frame), h))

    @abstractmethod
    def alive(self, x: Array, t_x: Array, T: Array) -> Array:  # noqa: N803  # the papers' symbol
        """P(alive | x, t_x, T)."""

    @abstractmethod
    def silent(self, x: Array, t_x: Array, T: Array, h: float | Array) -> Array:  # noqa: N803
        """P(no order in (T, T + h] | x, t_x, T)."""

    @abstractmethod
    def orders(self, x: Array, t_x: Array, T: Array, h: float) -> Array:  # noqa: N803
        """E[orders in (T, T + h] | x, t_x, T]."""

    @abstractmethod
    def waiting_time(self, x: Array, t_x: Array, T: Array, p_still_waiting: Array) -> Array:  # noqa: N803
        """Time after T at which P(no order yet) has fallen to `p_still_waiting`; infinity where it never does."""

    @abstractmethod
    def _likelihood(self, data: Histories) -> LogLikelihood:
        """The log-likelihood of the data, a function of the parameters, with its gradient."""

    @abstractmethod
    def _starts(self, per_time: float) -> list[Array]:
        """Parameters to start from, for histories with a T of about ten; `per_time` is the rate of repeat orders."""

    def _timed(self) -> Array:
        return np.array([name in self.TIMES for name in self.PARAMETERS])

    def _estimate(self, data: Histories) -> Estimate:
        full = self._likelihood(data)
        repeats, buyers = float(data.weight @ data.x), float(data.weight[data.x > 0].sum())
        starts = self._starts(max(repeats, 0.5) / max(float(data.weight @ data.T), 1.0))
        if buyers < FEWEST_REPEAT_BUYERS:
            leaning = maximise(self.PARAMETERS, _with_prior(full, starts[0]), starts)
            few = f"too little data: {buyers:g} of {data.customers:g} customers bought again; parameters lean on a weak prior"
            return described(full, leaning.params, few)
        if len(data.x) <= MANY_ROWS:
            return maximise(self.PARAMETERS, full, starts, always=self.ALWAYS_TRIED)
        some = data.every(len(data.x) // SAMPLE_ROWS)
        share = some.customers / data.customers
        return maximise(self.PARAMETERS, full, starts, self._likelihood(some), share, self.ALWAYS_TRIED)


def _with_prior(likelihood: LogLikelihood, centre: Array) -> Callable[[Array], tuple[float, Array]]:
    """Add a normal log-density of the logarithms around `centre`: as strong as one observation of each."""

    def leaning(params: Array) -> tuple[float, Array]:
        value, gradient = likelihood(params)
        away = np.log(params / centre) / PRIOR_SPREAD**2
        return value - float(away @ away) * PRIOR_SPREAD**2 / 2, gradient - away / params

    return leaning


def _in_the_datas_unit(estimate: Estimate, data: Histories, unit: float, timed: Array) -> Estimate:
    """From scaled time back: a likelihood of x order times has the dimension of 1 / time to the power of x."""
    scale = np.where(timed, unit, 1.0)
    value = estimate.log_likelihood - float(data.weight @ data.x) * float(np.log(unit))
    return Estimate(estimate.params * scale, value, estimate.covariance * np.outer(scale, scale), estimate.diagnosis)
