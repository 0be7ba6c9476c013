"""What every fitted model has: parameters by name, how sure they are, and a form as data."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from models.btyd.maximum_likelihood import Estimate
from models.errors import NotFittedError
from models.log_odds import Array

UNFITTED = float("nan")
WIDEST = 1.0  # of a logarithm: along a ridge, where the data tell next to nothing, uncertainty ends at a factor of e


@dataclass(frozen=True, kw_only=True)
class FittedModel:
    """Base of the models; a subclass has a field per name in PARAMETERS, in that order.

    With parameters given by hand there is no data behind them: no log-likelihood and no covariance.
    """

    estimate: Estimate | None = None
    PARAMETERS: ClassVar[tuple[str, ...]] = ()

    @property
    def params(self) -> dict[str, float]:
        """The parameters under the paper's names. Raises NotFitted where there are none."""
        values = {name: float(getattr(self, name)) for name in self.PARAMETERS}
        if any(np.isnan(value) for value in values.values()):
            raise NotFittedError(f"This {type(self).__name__} has no parameters yet; call fit first.")
        return values

    @property
    def names(self) -> tuple[str, ...]:
        """What the rows of `covariance` are of."""
        return self.PARAMETERS

    @property
    def log_likelihood(self) -> float:
        """Log-likelihood of the data it was fitted to, in the data's own unit. Raises NotFitted without a fit."""
        return self._fit().log_likelihood

    @property
    def covariance(self) -> Array:
        """Covariance of the parameters, in the order of `names`; NaN for one at a boundary. Raises NotFitted without a fit."""
        return self._fit().covariance

    @property
    def standard_errors(self) -> dict[str, float]:
        """Standard errors of the parameters; NaN for one at a boundary. Raises NotFitted without a fit."""
        return dict(zip(self.names, np.sqrt(np.diag(self.covariance)).tolist(), strict=True))

    @property
    def diagnosis(self) -> str:
        """How the fit ended, in words; empty for parameters given by hand."""
        return "" if self.estimate is None else self.estimate.diagnosis

    def relative_errors(self) -> dict[str, float]:
        """Standard errors of the parameters' logarithms, and of coefficients; NaN where none is known."""
        return dict(zip(self.names, np.sqrt(np.diag(self._theta_covariance())).tolist(), strict=True))

    def cubature_points(self) -> list[Self]:
        """Return models that the data hardly tell from this one; together they stand for how sure its parameters are.

        Two for each parameter, equally likely: their logarithms have the mean and the covariance of the estimate (the
        third-degree cubature rule of Arasaratnam and Haykin 2009, doi:10.1109/TAC.2009.2019800). A parameter without a
        covariance stays as it is; without any, the model is its only neighbour.
        """
        theta, covariance = self._theta(), self._theta_covariance()
        free = np.flatnonzero(np.isfinite(np.diag(covariance)))
        if not len(free):
            return [self]
        values, vectors = np.linalg.eigh(covariance[np.ix_(free, free)])
        steps = np.zeros((len(free), len(theta)))
        steps[:, free] = (vectors * np.sqrt(len(free) * np.clip(values, 0.0, WIDEST**2))).T
        return [self._at(theta + sign * step) for step in steps for sign in (1.0, -1.0)]

    def to_json(self) -> dict[str, Any]:
        """Return the model as data: parameters, and what the fit told of them; nothing of any customer."""
        data: dict[str, Any] = {"params": self.params}
        if self.estimate is None:
            return data
        rows = [[None if np.isnan(cell) else cell for cell in row] for row in self.covariance.tolist()]
        return data | {"log_likelihood": self.log_likelihood, "covariance": rows, "diagnosis": self.diagnosis}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_json` gave."""
        if "log_likelihood" not in data:
            return cls(**data["params"])
        values = np.array([data["params"][name] for name in cls.PARAMETERS])
        covariance = np.array(data["covariance"], dtype=np.float64)
        return cls.of(Estimate(values, data["log_likelihood"], covariance, data["diagnosis"]))

    @classmethod
    def of(cls, estimate: Estimate) -> Self:
        """Return the model with the parameters of an estimate."""
        values = estimate.params[: len(cls.PARAMETERS)].tolist()
        return cls(**dict(zip(cls.PARAMETERS, values, strict=True)), estimate=estimate)

    def _fit(self) -> Estimate:
        if self.estimate is None:
            raise NotFittedError(f"This {type(self).__name__} was not fitted to data: only predictions can be asked of it.")
        return self.estimate

    def _theta(self) -> Array:
        """What the estimate is nearly normal in: the logarithms."""
        theta: Array = np.log(np.array(list(self.params.values())))
        return theta

    def _theta_covariance(self) -> Array:
        if self.estimate is None:
            return np.full((len(self.names), len(self.names)), np.nan)
        scale = np.concatenate([list(self.params.values()), np.ones(len(self.names) - len(self.PARAMETERS))])
        covariance: Array = self.covariance / np.outer(scale, scale)
        return covariance

    def _at(self, theta: Array) -> Self:
        values = np.exp(theta[: len(self.PARAMETERS)]).tolist()
        return replace(self, **dict(zip(self.PARAMETERS, values, strict=True)), estimate=None)
