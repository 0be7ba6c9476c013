"""What every model of how orders come and end has: one way to fit it, and predictions for frames."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from models.btyd.covariates import Covariate, CovariateLikelihood, Placed, Scaling, covariates_of, multipliers
from models.btyd.discounting import discounted_orders
from models.btyd.fitted_model import FittedModel
from models.btyd.histories import Histories, arrays, histories
from models.btyd.lifetimes_engine import fit_orders
from models.btyd.maximum_likelihood import Estimate, Objective, described, maximize
from models.btyd.order_process import OrderProcess
from models.errors import InvalidHistoriesError
from models.log_odds import Array

MANY_ROWS, SAMPLE_ROWS = 40_000, 20_000
MIN_REPEAT_BUYERS = 10
TYPICAL_T = 10.0
PRIOR_SPREAD = 1.0


@dataclass(frozen=True, kw_only=True)
class OrderModel(FittedModel):
    """Base of BG/NBD, MBG/NBD and Pareto/NBD.

    Frames hold `frequency` (x, repeat purchases, >= 0), `recency` (t_x, 0 <= t_x <= T) and `T`, all in one time unit, which
    horizons h share, and the columns of the covariates, where there are any. Results are Series of float64 in the order of
    the frame.
    """

    covariates: tuple[Covariate, ...] = ()

    TIMES: ClassVar[tuple[str, ...]] = ()
    LIFETIMES: ClassVar[str] = ""
    ALWAYS_TRIED: ClassVar[int] = 1
    RATE: ClassVar[Placed] = Placed(1, -1.0)
    DROPOUT: ClassVar[Placed] = Placed(3, -1.0)

    def fit(self, frame: pl.DataFrame, engine: str = "holdfast", rate: Sequence[str] = (), dropout: Sequence[str] = ()) -> Self:
        """Return the maximum-likelihood fit to the histories of a frame; an optional `weight` counts rows.

        `rate` and `dropout` name columns of traits that act on the rate of orders, and on leaving: numbers as they are,
        words against the most frequent one (`models/btyd/covariates.py`). With fewer than ten repeat buyers the parameters lean
        on a weak prior around typical ones, covariates stay out, and `diagnosis` says so. `engine` may be "lifetimes", the
        reference of the field, which knows no covariates and raises TooLittleData where it does not converge. Raises
        BadHistories for a missing column, or a value that cannot be.
        """
        covariates = covariates_of(frame, rate, dropout)
        data = histories(frame, [covariate.values for covariate in covariates])
        unit = float(data.weight @ data.T) / data.customers / TYPICAL_T or 1.0
        if engine == "lifetimes":
            if covariates:
                raise InvalidHistoriesError("The lifetimes engine knows no covariates; use the engine holdfast for them.")
            params, diagnosis = fit_orders(self.LIFETIMES, self.PARAMETERS, data)
            return self.of(described(self._likelihood(data), params, diagnosis))
        scale = np.array([unit if name in self.TIMES else 1.0 for name in self.PARAMETERS])
        own = self._estimate(data, unit, scale)
        estimate = self._with_covariates(own, data, scale, covariates) if covariates else own
        return self.of(_in_the_datas_unit(estimate, scale), covariates)

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters, then covariates."""
        return (*self.PARAMETERS, *(covariate.name for covariate in self.covariates))

    @property
    def coefficients(self) -> dict[str, float]:
        """By how much the logarithm of the rate of orders, or of leaving, rises with one more of each covariate."""
        return {covariate.name: covariate.coefficient for covariate in self.covariates}

    def p_alive(self, frame: pl.DataFrame) -> pl.Series:
        """Probability of not having dropped out by T."""
        return pl.Series("p_alive", self.process(frame).alive(*arrays(frame)))

    def p_no_order(self, frame: pl.DataFrame, h: float) -> pl.Series:
        """Probability of no order in (T, T + h]: the churn probability of a non-contractual customer."""
        return pl.Series("p_no_order", self.process(frame).p_no_order(*arrays(frame), h))

    def expected_orders(self, frame: pl.DataFrame, h: float) -> pl.Series:
        """Expected number of orders in (T, T + h]."""
        return pl.Series("expected_orders", self.process(frame).orders(*arrays(frame), h))

    def discounted_orders(self, frame: pl.DataFrame, h: float, rate: float) -> pl.Series:
        """Expected number of orders in (T, T + h], each times exp(-rate u) for coming u after T; h may be infinite.

        `rate` is per unit of time: ln(1 + yearly rate) / 365 for days. Infinite where neither h nor discounting bounds it.
        """
        return pl.Series("discounted_orders", discounted_orders(self.process(frame), *arrays(frame), h, rate))

    def p_orders(self, frame: pl.DataFrame, h: float, most: int) -> pl.DataFrame:
        """P(n orders in (T, T + h]): a column for each n from "0" to `most`, and "more"; a row sums to 1."""
        process, history = self.process(frame), arrays(frame)
        tails = [np.ones(frame.height)]
        tails += [process.p_at_least(*history, h, np.full(frame.height, n + 1.0)) for n in range(most + 1)]
        counts = {str(n): np.maximum(tails[n] - tails[n + 1], 0.0) for n in range(most + 1)}
        return pl.DataFrame(counts | {"more": tails[-1]})

    def expected_orders_of_new(self, times: Sequence[float]) -> pl.Series:
        """E[X(t)]: repeat orders that a customer makes within t of the first order, for each t; without covariates."""
        t = np.asarray(times, dtype=np.float64)
        none = np.zeros_like(t)
        return pl.Series("expected_orders", self._process(list(self.params.values())).orders(none, none, none, t))

    def process(self, frame: pl.DataFrame) -> OrderProcess:
        """Return the parameters as they hold for the customers of a frame."""
        params: list[float | Array] = list(self.params.values())
        for part, placed in (("rate", self.RATE), ("dropout", self.DROPOUT)):
            factor = multipliers(frame, self.covariates, part)  # type: ignore[arg-type]  # the two words it takes
            if factor is not None:
                params[placed.parameter] = params[placed.parameter] * factor**placed.sign
        return self._process(params)

    def to_json(self) -> dict[str, Any]:
        """Return the model as data: parameters, covariates, and what the fit told; nothing of any customer."""
        covariates = [asdict(covariate) for covariate in self.covariates]
        return super().to_json() | ({"covariates": covariates} if covariates else {})

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_json` gave."""
        return replace(super().from_json(data), covariates=tuple(Covariate(**each) for each in data.get("covariates", ())))

    @classmethod
    def of(cls, estimate: Estimate, covariates: Sequence[Covariate] = ()) -> Self:
        """Return the model with the parameters and coefficients of an estimate."""
        coefficients = estimate.params[len(cls.PARAMETERS) :].tolist()
        known = tuple(replace(each, coefficient=value) for each, value in zip(covariates, coefficients, strict=False))
        return replace(super().of(estimate), covariates=known)

    @abstractmethod
    def _process(self, params: list[float | Array]) -> OrderProcess:
        """The process with these parameters, numbers or arrays."""

    @abstractmethod
    def _likelihood(self, data: Histories) -> Objective:
        """The log-likelihood of the data, a function of the parameters, with its gradient."""

    @abstractmethod
    def _by_row(self, params: Array, data: Histories) -> tuple[Array, Array]:
        """Ln L of every history and its gradient of shape (4, rows), with parameters of its own of that shape."""

    @abstractmethod
    def _starts(self, per_time: float) -> list[Array]:
        """Parameters to start from, for histories with a T of about ten; `per_time` is the rate of repeat orders."""

    def _estimate(self, data: Histories, unit: float, scale: Array) -> Estimate:
        """The estimate in a unit of time in which T is about ten: bounds and starts are made for that."""

        def likelihood(data: Histories) -> Objective:
            return _scaled(self._likelihood(data), scale)

        repeats, buyers = float(data.weight @ data.x), float(data.weight[data.x > 0].sum())
        starts = self._starts(max(repeats, 0.5) / max(float(data.weight @ data.T) / unit, 1.0))
        if buyers < MIN_REPEAT_BUYERS:
            full = likelihood(data)
            leaning = maximize(self.PARAMETERS, _with_prior(full, starts[0]), starts)
            few = f"too little data: {buyers:g} of {data.customers:g} customers bought again; parameters lean on a weak prior"
            return described(full, leaning.params, few)
        return _maximum(self.PARAMETERS, likelihood, data, starts, self.ALWAYS_TRIED)

    def _with_covariates(self, own: Estimate, data: Histories, scale: Array, covariates: Sequence[Covariate]) -> Estimate:
        """Go on from the estimate without covariates; those that say nothing keep a coefficient of 0."""
        placed = [self.RATE if covariate.part == "rate" else self.DROPOUT for covariate in covariates]
        scaling = Scaling(data)
        if own.diagnosis.startswith("too little data"):
            scaling.acting[:] = False
        acting = [place for place, acts in zip(placed, scaling.acting, strict=True) if acts]
        names = [each.name for each, acts in zip(covariates, scaling.acting, strict=True) if acts]
        idle = [each.name for each in covariates if each.name not in names]
        if not acting:
            return _with_idle(scaling.undone(own, placed, len(scale)), idle)

        def likelihood(data: Histories) -> Objective:
            whole = CovariateLikelihood(self._by_row, data, acting, len(scale))
            return _scaled(whole, np.concatenate([scale, np.ones(len(acting))]))

        start = np.concatenate([own.params, np.ones(len(acting))])
        found = _maximum((*self.PARAMETERS, *names), likelihood, scaling.applied(data), [start], 1)
        return _with_idle(scaling.undone(found, placed, len(scale)), idle)

    def _theta(self) -> Array:
        return np.concatenate([super()._theta(), list(self.coefficients.values())])

    def _at(self, theta: Array) -> Self:
        coefficients = theta[len(self.PARAMETERS) :].tolist()
        moved = (replace(each, coefficient=value) for each, value in zip(self.covariates, coefficients, strict=True))
        return replace(super()._at(theta), covariates=tuple(moved))


def _with_idle(estimate: Estimate, idle: list[str]) -> Estimate:
    """Say which covariates could tell nothing."""
    if not idle or estimate.diagnosis.startswith("too little data"):
        return estimate
    return replace(estimate, diagnosis=f"{estimate.diagnosis}; the same for everybody: {', '.join(idle)}")


def _maximum(
    names: tuple[str, ...], likelihood: Callable[[Histories], Objective], data: Histories, starts: list[Array], always: int
) -> Estimate:
    """The maximum for the data; where there are many histories, by way of a sample of them."""
    if len(data.x) <= MANY_ROWS:
        return maximize(names, likelihood(data), starts, always=always)
    some = data.every(len(data.x) // SAMPLE_ROWS)
    return maximize(names, likelihood(data), starts, likelihood(some), some.customers / data.customers, always)


def _with_prior(likelihood: Objective, centre: Array) -> Callable[[Array], tuple[float, Array]]:
    """Add a normal log-density of the logarithms around `centre`: as strong as one observation of each."""

    def leaning(params: Array) -> tuple[float, Array]:
        value, gradient = likelihood(params)
        away = np.log(params / centre) / PRIOR_SPREAD**2
        return value - float(away @ away) * PRIOR_SPREAD**2 / 2, gradient - away / params

    return leaning


def _scaled(likelihood: Objective, scale: Array) -> Objective:
    """The likelihood as a function of parameters in a unit of time `scale` times as long."""

    def scaled(params: Array) -> tuple[float, Array]:
        value, gradient = likelihood(params * scale)
        return value, gradient * scale

    return scaled


def _in_the_datas_unit(estimate: Estimate, scale: Array) -> Estimate:
    every = np.ones(len(estimate.params))
    every[: len(scale)] = scale
    return replace(estimate, params=estimate.params * every, covariance=estimate.covariance * np.outer(every, every))
