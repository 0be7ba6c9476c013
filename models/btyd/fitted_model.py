"""The base of every fitted model: parameters by name, their uncertainty, and a form as data."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from features.frames.arrays import Array
from models.btyd.maximum_likelihood import Estimate
from models.errors import NotFittedError

UNFITTED = float("nan")
Z95 = 1.96  # normal quantile of a 95 % interval
MAX_LOG_STD = 1.0  # along a ridge the data say next to nothing; there the uncertainty is capped at a factor of e


@dataclass(frozen=True, kw_only=True, repr=False)
class FittedModel:
    """Base of the models; a subclass has a field per name in PARAMETERS, in that order.

    A model whose parameters were set by hand has no data behind them: no log-likelihood and no covariance.
    """

    estimate: Estimate | None = None
    PARAMETERS: ClassVar[tuple[str, ...]] = ()

    @property
    def params(self) -> dict[str, float]:
        """Return the parameters under the paper's names. Raises NotFittedError if there are none."""
        values = {name: float(getattr(self, name)) for name in self.PARAMETERS}
        if any(np.isnan(value) for value in values.values()):
            raise NotFittedError(f"This {type(self).__name__} has no parameters yet; call fit first.")
        return values

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Return the names of the rows and columns of `covariance`."""
        return self.PARAMETERS

    @property
    def log_likelihood(self) -> float:
        """Return the log-likelihood of the fitted data, in the data's own unit. Raises NotFittedError without a fit."""
        return self._require_estimate().log_likelihood

    @property
    def covariance(self) -> Array:
        """Return the covariance of the parameters, in the order of `parameter_names`.

        NaN for a parameter at a boundary. Raises NotFittedError without a fit.
        """
        return self._require_estimate().covariance

    @property
    def standard_errors(self) -> dict[str, float]:
        """Return standard errors of the parameters; NaN for one at a boundary. Raises NotFittedError without a fit."""
        return dict(zip(self.parameter_names, np.sqrt(np.diag(self.covariance)).tolist(), strict=True))

    def summary(self) -> pl.DataFrame:
        """Return a row per parameter or coefficient: `parameter`, `estimate`, `standard_error` and a 95 % interval.

        The interval is that of the logarithm for a parameter, which is positive, and of the coefficient itself. Errors and
        interval are null for parameters set by hand, and for one at a boundary. Raises NotFittedError without parameters.

        >>> from models.btyd import BGNBD
        >>> BGNBD(r=0.24, alpha=4.41, a=0.79, b=2.43).summary().columns
        ['parameter', 'estimate', 'standard_error', 'low', 'high']
        """
        theta, std = self._theta(), np.array(list(self.relative_errors().values()))
        estimate = self._values(theta)
        columns = {
            "estimate": estimate,
            "standard_error": np.where(np.arange(len(theta)) < len(self.PARAMETERS), std * estimate, std),
            "low": self._values(theta - Z95 * std),
            "high": self._values(theta + Z95 * std),
        }
        return pl.DataFrame({"parameter": list(self.parameter_names)} | columns).fill_nan(None)

    def __repr__(self) -> str:
        """Return the name and the parameters, as in BGNBD(r=0.2426, alpha=4.414, a=0.7929, b=2.426)."""
        values = {name: getattr(self, name) for name in self.PARAMETERS}
        if any(np.isnan(value) for value in values.values()):
            return f"{type(self).__name__}()"
        return f"{type(self).__name__}({', '.join(f'{name}={value:.4g}' for name, value in self._shown(values).items())})"

    def _shown(self, values: dict[str, float]) -> dict[str, float]:
        """Return what the text form of the model names, given its parameters."""
        return values

    def _values(self, theta: Array) -> Array:
        """Return parameters and coefficients from `theta`, which has the logarithms of the parameters."""
        values: Array = np.concatenate([np.exp(theta[: len(self.PARAMETERS)]), theta[len(self.PARAMETERS) :]])
        return values

    @property
    def diagnosis(self) -> str:
        """Return in words how the fit ended; empty for parameters set by hand."""
        return "" if self.estimate is None else self.estimate.diagnosis

    def relative_errors(self) -> dict[str, float]:
        """Return standard errors of the parameters' logarithms, and of coefficients; NaN where none is known."""
        return dict(zip(self.parameter_names, np.sqrt(np.diag(self._theta_covariance())).tolist(), strict=True))

    def cubature_points(self) -> list[Self]:
        """Return equally likely models that together represent the uncertainty of the parameters.

        There are two for each parameter. Their log-parameters have the mean and the covariance of the estimate (the
        third-degree cubature rule of Arasaratnam and Haykin 2009, doi:10.1109/TAC.2009.2019800). A parameter without a
        covariance keeps its value; without any covariance, the model itself is the only point.
        """
        theta, covariance = self._theta(), self._theta_covariance()
        free = np.flatnonzero(np.isfinite(np.diag(covariance)))
        if not len(free):
            return [self]
        values, vectors = np.linalg.eigh(covariance[np.ix_(free, free)])
        steps = np.zeros((len(free), len(theta)))
        steps[:, free] = (vectors * np.sqrt(len(free) * np.clip(values, 0.0, MAX_LOG_STD**2))).T
        return [self._with_theta(theta + sign * step) for step in steps for sign in (1.0, -1.0)]

    def to_json(self) -> dict[str, Any]:
        """Return the model as data: parameters and the results of the fit, but nothing of any customer."""
        data: dict[str, Any] = {"params": self.params}
        if self.estimate is None:
            return data
        rows = [[None if np.isnan(cell) else cell for cell in row] for row in self.covariance.tolist()]
        return data | {"log_likelihood": self.log_likelihood, "covariance": rows, "diagnosis": self.diagnosis}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Rebuild a model from `to_json`."""
        if "log_likelihood" not in data:
            return cls(**data["params"])
        return cls.from_estimate(
            Estimate(
                params=np.array([data["params"][name] for name in cls.PARAMETERS]),
                log_likelihood=data["log_likelihood"],
                covariance=np.array(data["covariance"], dtype=np.float64),
                diagnosis=data["diagnosis"],
            )
        )

    @classmethod
    def from_estimate(cls, estimate: Estimate) -> Self:
        """Return the model with the parameters of an estimate."""
        values = estimate.params[: len(cls.PARAMETERS)].tolist()
        return cls(**dict(zip(cls.PARAMETERS, values, strict=True)), estimate=estimate)

    def _require_estimate(self) -> Estimate:
        if self.estimate is None:
            raise NotFittedError(f"This {type(self).__name__} was not fitted to data; it can only predict.")
        return self.estimate

    def _theta(self) -> Array:
        """Return the logarithms of the parameters, in which the estimate is approximately normal."""
        theta: Array = np.log(np.array(list(self.params.values())))
        return theta

    def _theta_covariance(self) -> Array:
        if self.estimate is None:
            return np.full((len(self.parameter_names), len(self.parameter_names)), np.nan)
        scale = np.concatenate([list(self.params.values()), np.ones(len(self.parameter_names) - len(self.PARAMETERS))])
        covariance: Array = self.covariance / np.outer(scale, scale)
        return covariance

    def _with_theta(self, theta: Array) -> Self:
        values = np.exp(theta[: len(self.PARAMETERS)]).tolist()
        return replace(self, **dict(zip(self.PARAMETERS, values, strict=True)), estimate=None)
