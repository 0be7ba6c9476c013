"""Fixed traits of customers, such as channel, region or cohort, that change the order rate or the dropout rate.

Fader and Hardie (2007), Incorporating Time-Invariant Covariates into the Pareto/NBD and BG/NBD Models,
brucehardie.com/notes/019. A coefficient g of a trait z multiplies the order rate, or the dropout rate, by exp(g z). In the
formulas alpha becomes alpha exp(-g z), the beta of Pareto/NBD becomes beta exp(-g z), and the a of BG/NBD becomes a exp(g z),
which multiplies the odds a / b of leaving after an order. Customers with z = 0 have the model's own parameters.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import polars as pl

from features.frames.arrays import Array
from models.btyd.histories import Histories
from models.btyd.maximum_likelihood import Estimate
from models.errors import InvalidHistoriesError

Part = Literal["rate", "dropout"]
RowLikelihood = Callable[[Array, Histories], tuple[Array, Array]]
MAX_LEVELS = 50


@dataclass(frozen=True)
class Covariate:
    """A numeric column, or one level of a categorical column against the column's most frequent level.

    `part` names what it acts on: the order rate or the dropout.
    """

    part: Part
    column: str
    level: str | None = None
    coefficient: float = 0.0

    @property
    def name(self) -> str:
        """Return `rate:complaints`, or `rate:channel=web`."""
        return f"{self.part}:{self.column}" + ("" if self.level is None else f"={self.level}")

    @property
    def expression(self) -> pl.Expr:
        """Return the trait as a number; a level that was not seen in fitting counts as the most frequent one."""
        column = pl.col(self.column)
        return column.cast(pl.Float64) if self.level is None else (column.cast(pl.String) == self.level).cast(pl.Float64)


@dataclass(frozen=True)
class Placement:
    """Where a part's covariates enter: the index of the parameter, and the sign of the exponent."""

    parameter: int
    sign: float


def build_covariates(frame: pl.DataFrame, rate: Sequence[str], dropout: Sequence[str]) -> tuple[Covariate, ...]:
    """Return the covariates in these columns, with coefficients of 0.

    Raises InvalidHistoriesError for a column that is missing, holds a null, or has more than fifty categories.
    """
    parts: list[tuple[Part, Sequence[str]]] = [("rate", rate), ("dropout", dropout)]
    return tuple(
        covariate for part, columns in parts for column in columns for covariate in _column_covariates(frame, part, column)
    )


def _column_covariates(frame: pl.DataFrame, part: Part, column: str) -> list[Covariate]:
    if column not in frame.columns:
        raise InvalidHistoriesError(f"The frame has no column {column}, which was named as a covariate.")
    refuse_nulls(frame, [column])
    if frame.schema[column].is_numeric() or frame.schema[column] == pl.Boolean:
        return [Covariate(part=part, column=column)]
    levels = frame[column].cast(pl.String).value_counts().sort(["count", column], descending=[True, False])[column].to_list()
    if len(levels) > MAX_LEVELS:
        raise InvalidHistoriesError(f"The covariate {column} has {len(levels)} categories; at most {MAX_LEVELS} are supported.")
    return [Covariate(part=part, column=column, level=level) for level in levels[1:]]


def refuse_nulls(frame: pl.DataFrame, columns: Sequence[str]) -> None:
    """Raise InvalidHistoriesError where a covariate is missing for some customers."""
    for column in columns:
        nulls = frame[column].null_count()
        if nulls:
            raise InvalidHistoriesError(
                f"The covariate {column} is missing for {nulls:,} of {frame.height:,} customers; fill or drop them."
            )


def multipliers(frame: pl.DataFrame, covariates: Sequence[Covariate], part: Part) -> Array | None:
    """Return exp(sum of coefficient times trait) of every row; None without a covariate for this part."""
    part_covariates = [covariate for covariate in covariates if covariate.part == part]
    if not part_covariates:
        return None
    refuse_nulls(frame, [covariate.column for covariate in part_covariates])
    total = pl.sum_horizontal(covariate.expression * covariate.coefficient for covariate in part_covariates)
    return frame.select(total.exp().alias("multiplier"))["multiplier"].to_numpy()


class Scaling:
    """Standardizes covariates to mean 0 and standard deviation 1, which helps the search; constant ones are left out."""

    def __init__(self, data: Histories) -> None:
        """Compute means and standard deviations over the customers."""
        self.mean = data.weight @ data.z / data.customer_count
        std = np.sqrt(data.weight @ (data.z - self.mean) ** 2 / data.customer_count)
        self.varying = std > 1e-9 * np.maximum(np.abs(self.mean), 1.0)
        self.std = np.where(self.varying, std, 1.0)

    def apply(self, data: Histories) -> Histories:
        """Return the data with its varying covariates standardized, and without the constant ones."""
        return replace(data, z=((data.z - self.mean) / self.std)[:, self.varying])

    def undo(self, estimate: Estimate, placements: Sequence[Placement], n_params: int) -> Estimate:
        """Return the estimate for the original covariates, with coefficients in place of exp(coefficient).

        The first `n_params` entries are the model's own parameters; a constant covariate gets a coefficient of 0 without a
        covariance.
        """
        varying = np.flatnonzero(self.varying).tolist()
        transform = np.zeros((n_params + len(self.mean), n_params + len(varying)))
        transform[:n_params, :n_params] = np.eye(n_params)
        for index, column in enumerate(varying):
            placement = placements[column]
            transform[n_params + column, n_params + index] = 1 / self.std[column]
            transform[placement.parameter, n_params + index] -= placement.sign * self.mean[column] / self.std[column]
        theta = transform @ np.log(estimate.params)
        scale = np.where(np.arange(len(theta)) < n_params, np.exp(theta), 1.0)
        covariance = _propagate(transform, estimate.covariance / np.outer(estimate.params, estimate.params))
        constant = n_params + np.flatnonzero(~self.varying)
        covariance[constant, :] = covariance[:, constant] = np.nan
        params = np.concatenate([np.exp(theta[:n_params]), theta[n_params:]])
        return replace(estimate, params=params, covariance=covariance * np.outer(scale, scale))


def _propagate(transform: Array, covariance: Array) -> Array:
    """Return `transform` C `transform`', with NaN only where an entry depends on something unknown."""
    unknown = np.abs(transform) @ np.isnan(np.diag(covariance)) > 0
    propagated: Array = transform @ np.nan_to_num(covariance) @ transform.T
    propagated[unknown, :] = propagated[:, unknown] = np.nan
    return propagated


class CovariateLikelihood:
    """Log-likelihood in a model's own parameters and exp(coefficient) of each covariate, with its gradient."""

    def __init__(self, by_row: RowLikelihood, data: Histories, placements: Sequence[Placement], n_params: int) -> None:
        """Store the model's likelihood by row, where each covariate enters, and the number of the model's own parameters."""
        self.by_row, self.data, self.placements, self.n_params = by_row, data, placements, n_params

    def __call__(self, params: Array) -> tuple[float, Array]:
        """Return value and gradient."""
        own_params, ratios = params[: self.n_params], params[self.n_params :]
        log_params = np.repeat(np.log(own_params)[:, None], len(self.data.x), axis=1)
        for z, ratio, placement in zip(self.data.z.T, ratios, self.placements, strict=True):
            log_params[placement.parameter] += placement.sign * z * np.log(ratio)
        row_params = np.exp(log_params)
        value, gradient = self.by_row(row_params, self.data)
        log_gradient = gradient * row_params * self.data.weight
        own_gradient = log_gradient.sum(axis=1) / own_params
        ratio_gradient = [
            placement.sign * (log_gradient[placement.parameter] @ z) / ratio
            for z, ratio, placement in zip(self.data.z.T, ratios, self.placements, strict=True)
        ]
        return float(self.data.weight @ value), np.concatenate([own_gradient, ratio_gradient])
