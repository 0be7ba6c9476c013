"""The base of every model of how orders come and end: the fit, and predictions for frames."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from features.frames.arrays import Array
from models.btyd.covariates import Covariate, CovariateLikelihood, Placement, Scaling, build_covariates, multipliers
from models.btyd.discounting import discounted_orders
from models.btyd.fitted_model import FittedModel
from models.btyd.histories import Histories, build_histories, history_arrays
from models.btyd.lifetimes_engine import HOLDFAST_ENGINE, LIFETIMES_ENGINE, fit_order_model
from models.btyd.maximum_likelihood import Estimate, Objective, build_estimate, maximize
from models.btyd.order_process import OrderProcess
from models.errors import InvalidHistoriesError

MIN_ROWS_TO_SAMPLE, SAMPLE_ROWS = 40_000, 20_000
MIN_REPEAT_BUYERS = 10
TYPICAL_T = 10.0
PRIOR_STD = 1.0
TOO_LITTLE_DATA = "too little data"


@dataclass(frozen=True, kw_only=True, repr=False)
class OrderModel(FittedModel):
    """Base of BG/NBD, MBG/NBD and Pareto/NBD.

    Frames hold `frequency` (x, repeat purchases, >= 0), `recency` (t_x, 0 <= t_x <= T) and `T`, all in one time unit, and the
    columns of the covariates, if there are any. Horizons h have that time unit too. Results are Series of float64 in the
    order of the frame.
    """

    covariates: tuple[Covariate, ...] = ()

    TIME_PARAMETERS: ClassVar[tuple[str, ...]] = ()
    LIFETIMES_FITTER: ClassVar[str] = ""
    REQUIRED_STARTS: ClassVar[int] = 1
    RATE: ClassVar[Placement] = Placement(parameter=1, sign=-1.0)
    DROPOUT: ClassVar[Placement] = Placement(parameter=3, sign=-1.0)

    def fit(
        self, frame: pl.DataFrame, engine: str = HOLDFAST_ENGINE, rate: Sequence[str] = (), dropout: Sequence[str] = ()
    ) -> Self:
        """Return the maximum-likelihood fit to the histories of a frame; an optional `weight` counts rows.

        `rate` and `dropout` name columns of traits that act on the order rate and on dropout: numbers as they are, categories
        against the most frequent one (`models/btyd/covariates.py`). With fewer than ten repeat buyers a weak prior around
        typical parameters is added and covariates get coefficients of 0; `diagnosis` says so.

        `engine` may be "lifetimes", the reference package, which supports no covariates and raises TooLittleDataError where
        it does not converge. Raises InvalidHistoriesError for a missing column or an impossible value.
        """
        covariates = build_covariates(frame, rate, dropout)
        data = build_histories(frame, [covariate.expression for covariate in covariates])
        unit = float(data.weight @ data.T) / data.customer_count / TYPICAL_T or 1.0
        if engine == LIFETIMES_ENGINE:
            if covariates:
                raise InvalidHistoriesError('The engine "lifetimes" supports no covariates; use the engine "holdfast".')
            params, diagnosis = fit_order_model(self.LIFETIMES_FITTER, self.PARAMETERS, data)
            return self.from_estimate(build_estimate(self._likelihood(data), params, diagnosis))
        scale = np.array([unit if name in self.TIME_PARAMETERS else 1.0 for name in self.PARAMETERS])
        base = self._estimate(data, unit, scale)
        estimate = self._fit_covariates(base, data, scale, covariates) if covariates else base
        return self.from_estimate(_in_data_units(estimate, scale), covariates)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Return the names of the parameters, then those of the covariates."""
        return (*self.PARAMETERS, *(covariate.name for covariate in self.covariates))

    @property
    def coefficients(self) -> dict[str, float]:
        """Return by how much the logarithm of the order rate, or of the dropout rate, rises per unit of each covariate."""
        return {covariate.name: covariate.coefficient for covariate in self.covariates}

    def p_alive(self, frame: pl.DataFrame) -> pl.Series:
        """Return the probability of not having dropped out by T."""
        return pl.Series("p_alive", self.process(frame).p_alive(*history_arrays(frame)))

    def p_no_order(self, frame: pl.DataFrame, h: float) -> pl.Series:
        """Return the probability of no order in (T, T + h]: the churn probability of a non-contractual customer."""
        return pl.Series("p_no_order", self.process(frame).p_no_order(*history_arrays(frame), h))

    def expected_orders(self, frame: pl.DataFrame, h: float) -> pl.Series:
        """Return the expected number of orders in (T, T + h]."""
        return pl.Series("expected_orders", self.process(frame).expected_orders(*history_arrays(frame), h))

    def discounted_orders(self, frame: pl.DataFrame, h: float, rate: float) -> pl.Series:
        """Return the expected number of orders in (T, T + h], each weighted by exp(-rate u), u after T; h may be infinite.

        `rate` is per unit of time: ln(1 + yearly rate) / 365 for days. The result is infinite where neither h nor discounting
        bounds it.
        """
        return pl.Series("discounted_orders", discounted_orders(self.process(frame), *history_arrays(frame), h, rate))

    def p_orders(self, frame: pl.DataFrame, h: float, max_orders: int) -> pl.DataFrame:
        """Return P(n orders in (T, T + h]): a column for each n from "0" to `max_orders`, and "more"; a row sums to 1."""
        process, history = self.process(frame), history_arrays(frame)
        tails = [np.ones(frame.height)]
        tails += [process.p_at_least(*history, h, np.full(frame.height, n + 1.0)) for n in range(max_orders + 1)]
        probabilities = {str(n): np.maximum(tails[n] - tails[n + 1], 0.0) for n in range(max_orders + 1)}
        return pl.DataFrame(probabilities | {"more": tails[-1]})

    def expected_orders_of_new(self, times: Sequence[float]) -> pl.Series:
        """Return E[X(t)], the repeat orders of a customer within t of the first order, for each t; without covariates."""
        t = np.asarray(times, dtype=np.float64)
        zeros = np.zeros_like(t)
        process = self._build_process(list(self.params.values()))
        return pl.Series("expected_orders", process.expected_orders(zeros, zeros, zeros, t))

    def process(self, frame: pl.DataFrame) -> OrderProcess:
        """Return the process of a frame's customers, with parameters per row where covariates apply."""
        params: list[float | Array] = list(self.params.values())
        for part, placement in (("rate", self.RATE), ("dropout", self.DROPOUT)):
            factor = multipliers(frame, self.covariates, part)  # type: ignore[arg-type]  # both are a Part
            if factor is not None:
                params[placement.parameter] = params[placement.parameter] * factor**placement.sign
        return self._build_process(params)

    def to_json(self) -> dict[str, Any]:
        """Return the model as data: parameters, covariates and the results of the fit, but nothing of any customer."""
        covariates = [asdict(covariate) for covariate in self.covariates]
        return super().to_json() | ({"covariates": covariates} if covariates else {})

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Rebuild a model from `to_json`."""
        covariates = tuple(Covariate(**covariate) for covariate in data.get("covariates", ()))
        return replace(super().from_json(data), covariates=covariates)

    @classmethod
    def from_estimate(cls, estimate: Estimate, covariates: Sequence[Covariate] = ()) -> Self:
        """Return the model with the parameters and coefficients of an estimate."""
        coefficients = estimate.params[len(cls.PARAMETERS) :].tolist()
        return replace(super().from_estimate(estimate), covariates=_with_coefficients(covariates, coefficients))

    @abstractmethod
    def _build_process(self, params: list[float | Array]) -> OrderProcess:
        """Return the process with these parameters, numbers or arrays."""

    @abstractmethod
    def _likelihood(self, data: Histories) -> Objective:
        """Return the log-likelihood of the data as a function of the parameters, with its gradient."""

    @abstractmethod
    def _log_likelihood_by_row(self, params: Array, data: Histories) -> tuple[Array, Array]:
        """Return ln L of every history and its gradient of shape (4, rows); `params` has that shape too."""

    @abstractmethod
    def _starts(self, order_rate: float) -> list[Array]:
        """Return parameters to start from, for histories with a mean T of about ten; `order_rate` is that of repeat orders."""

    def _estimate(self, data: Histories, unit: float, scale: Array) -> Estimate:
        """Return the estimate in a unit of time in which the mean T is ten, because bounds and starts are made for that."""

        def likelihood(data: Histories) -> Objective:
            return _rescale(self._likelihood(data), scale)

        repeats, buyers = float(data.weight @ data.x), float(data.weight[data.x > 0].sum())
        starts = self._starts(max(repeats, 0.5) / max(float(data.weight @ data.T) / unit, 1.0))
        if buyers < MIN_REPEAT_BUYERS:
            full = likelihood(data)
            posterior = maximize(self.PARAMETERS, _with_prior(full, starts[0]), starts)
            counts = f"{buyers:g} of {data.customer_count:g} customers bought again"
            return build_estimate(full, posterior.params, f"{TOO_LITTLE_DATA}: {counts}; a weak prior was added")
        return _maximize_via_sample(self.PARAMETERS, likelihood, data, starts, self.REQUIRED_STARTS)

    def _fit_covariates(self, base: Estimate, data: Histories, scale: Array, covariates: Sequence[Covariate]) -> Estimate:
        """Continue from the estimate without covariates; constant covariates keep a coefficient of 0."""
        placements = [self.RATE if covariate.part == "rate" else self.DROPOUT for covariate in covariates]
        scaling = Scaling(data)
        if base.diagnosis.startswith(TOO_LITTLE_DATA):
            scaling.varying[:] = False
        varying = [placement for placement, varies in zip(placements, scaling.varying, strict=True) if varies]
        names = [covariate.name for covariate, varies in zip(covariates, scaling.varying, strict=True) if varies]
        constant = [covariate.name for covariate in covariates if covariate.name not in names]
        if not varying:
            return _note_constant_covariates(scaling.undo(base, placements, len(scale)), constant)

        def likelihood(data: Histories) -> Objective:
            joint = CovariateLikelihood(self._log_likelihood_by_row, data, varying, len(scale))
            return _rescale(joint, np.concatenate([scale, np.ones(len(varying))]))

        start = np.concatenate([base.params, np.ones(len(varying))])
        estimate = _maximize_via_sample((*self.PARAMETERS, *names), likelihood, scaling.apply(data), [start], 1)
        return _note_constant_covariates(scaling.undo(estimate, placements, len(scale)), constant)

    def _shown(self, values: dict[str, float]) -> dict[str, float]:
        return values | self.coefficients

    def _theta(self) -> Array:
        return np.concatenate([super()._theta(), list(self.coefficients.values())])

    def _with_theta(self, theta: Array) -> Self:
        coefficients = theta[len(self.PARAMETERS) :].tolist()
        return replace(super()._with_theta(theta), covariates=_with_coefficients(self.covariates, coefficients))


def _with_coefficients(covariates: Sequence[Covariate], coefficients: Sequence[float]) -> tuple[Covariate, ...]:
    pairs = zip(covariates, coefficients, strict=True)
    return tuple(replace(covariate, coefficient=coefficient) for covariate, coefficient in pairs)


def _note_constant_covariates(estimate: Estimate, constant: list[str]) -> Estimate:
    """Append to the diagnosis the covariates that are the same for all customers."""
    if not constant or estimate.diagnosis.startswith(TOO_LITTLE_DATA):
        return estimate
    return replace(estimate, diagnosis=f"{estimate.diagnosis}; constant covariates: {', '.join(constant)}")


def _maximize_via_sample(
    names: tuple[str, ...],
    likelihood: Callable[[Histories], Objective],
    data: Histories,
    starts: list[Array],
    required_starts: int,
) -> Estimate:
    """Return the maximum for the data; with many histories, the search starts on a sample of them."""
    if len(data.x) <= MIN_ROWS_TO_SAMPLE:
        return maximize(names, likelihood(data), starts, required_starts=required_starts)
    sample = data.every_nth(len(data.x) // SAMPLE_ROWS)
    share = sample.customer_count / data.customer_count
    return maximize(names, likelihood(data), starts, likelihood(sample), share, required_starts)


def _with_prior(likelihood: Objective, centre: Array) -> Callable[[Array], tuple[float, Array]]:
    """Add a normal log-density of the log-parameters around `centre`, as strong as one observation of each."""

    def log_posterior(params: Array) -> tuple[float, Array]:
        value, gradient = likelihood(params)
        pull = np.log(params / centre) / PRIOR_STD**2
        return value - float(pull @ pull) * PRIOR_STD**2 / 2, gradient - pull / params

    return log_posterior


def _rescale(likelihood: Objective, scale: Array) -> Objective:
    """Return the likelihood as a function of parameters in a unit of time `scale` times as long."""

    def rescaled(params: Array) -> tuple[float, Array]:
        value, gradient = likelihood(params * scale)
        return value, gradient * scale

    return rescaled


def _in_data_units(estimate: Estimate, scale: Array) -> Estimate:
    """Return the estimate in the data's unit of time; coefficients have no unit."""
    scales = np.ones(len(estimate.params))
    scales[: len(scale)] = scale
    return replace(estimate, params=estimate.params * scales, covariance=estimate.covariance * np.outer(scales, scales))
