"""Fixed traits of customers, such as channel, region or cohort, that act on the rate of orders and on leaving.

Fader and Hardie (2007), Incorporating Time-Invariant Covariates into the Pareto/NBD and BG/NBD Models,
brucehardie.com/notes/019. A coefficient g of a trait z multiplies the rate of orders, or of leaving, by exp(g z): in the
formulas alpha becomes alpha exp(-g z), Pareto/NBD's beta becomes beta exp(-g z), and BG/NBD's a becomes a exp(g z), which
multiplies the odds a / b of leaving after an order. Customers with z = 0 have the model's own parameters.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import polars as pl

from models.btyd.histories import Histories
from models.btyd.maximum_likelihood import Estimate
from models.errors import InvalidHistoriesError
from models.log_odds import Array

Part = Literal["rate", "dropout"]
ByRow = Callable[[Array, Histories], tuple[Array, Array]]
MAX_LEVELS = 50


@dataclass(frozen=True)
class Covariate:
    """A number in a column, or a level of a column of words against its most frequent level; what it acts on; how strongly."""

    part: Part
    column: str
    level: str | None = None
    coefficient: float = 0.0

    @property
    def name(self) -> str:
        """`rate:complaints`, or `rate:channel=web`."""
        return f"{self.part}:{self.column}" + ("" if self.level is None else f"={self.level}")

    @property
    def values(self) -> pl.Expr:
        """The trait as a number; a level that was not there when the model was fitted counts as the most frequent one."""
        column = pl.col(self.column)
        return column.cast(pl.Float64) if self.level is None else (column.cast(pl.String) == self.level).cast(pl.Float64)


@dataclass(frozen=True)
class Placed:
    """Where a part's covariates enter: the place among the parameters, and the sign of the exponent."""

    parameter: int
    sign: float


def covariates_of(frame: pl.DataFrame, rate: Sequence[str], dropout: Sequence[str]) -> tuple[Covariate, ...]:
    """Return the covariates in these columns, each with a coefficient of 0.

    Raises BadHistories for a column that is missing, holds a null, or has more than fifty different words.
    """
    parts: list[tuple[Part, Sequence[str]]] = [("rate", rate), ("dropout", dropout)]
    return tuple(covariate for part, columns in parts for column in columns for covariate in _covariates(frame, part, column))


def _covariates(frame: pl.DataFrame, part: Part, column: str) -> list[Covariate]:
    if column not in frame.columns:
        raise InvalidHistoriesError(f"The frame has no column {column}, which was named as a covariate.")
    refuse_nulls(frame, [column])
    if frame.schema[column].is_numeric() or frame.schema[column] == pl.Boolean:
        return [Covariate(part, column)]
    levels = frame[column].cast(pl.String).value_counts().sort(["count", column], descending=[True, False])[column].to_list()
    if len(levels) > MAX_LEVELS:
        raise InvalidHistoriesError(
            f"The covariate {column} has {len(levels)} different words; at most {MAX_LEVELS} can be told apart."
        )
    return [Covariate(part, column, level) for level in levels[1:]]


def refuse_nulls(frame: pl.DataFrame, columns: Sequence[str]) -> None:
    """Raise BadHistories where a covariate is missing for some customers."""
    for column in columns:
        nulls = frame[column].null_count()
        if nulls:
            raise InvalidHistoriesError(
                f"The covariate {column} is missing for {nulls:,} of {frame.height:,} customers; fill or drop them."
            )


def multipliers(frame: pl.DataFrame, covariates: Sequence[Covariate], part: Part) -> Array | None:
    """Return exp(sum of coefficient times trait) of every row; None where nothing acts on this part."""
    acting = [covariate for covariate in covariates if covariate.part == part]
    if not acting:
        return None
    refuse_nulls(frame, [covariate.column for covariate in acting])
    total = pl.sum_horizontal(covariate.values * covariate.coefficient for covariate in acting)
    return frame.select(total.exp().alias("multiplier"))["multiplier"].to_numpy()


class Scaling:
    """Covariates moved to mean 0 and spread 1, in which the search is at ease; those without any spread stay 0."""

    def __init__(self, data: Histories) -> None:
        """Take mean and spread over the customers."""
        self.mean = data.weight @ data.z / data.customers
        spread = np.sqrt(data.weight @ (data.z - self.mean) ** 2 / data.customers)
        self.acting = spread > 1e-9 * np.maximum(np.abs(self.mean), 1.0)
        self.spread = np.where(self.acting, spread, 1.0)

    def applied(self, data: Histories) -> Histories:
        """Return the data with those covariates that tell customers apart, moved and scaled."""
        return replace(data, z=((data.z - self.mean) / self.spread)[:, self.acting])

    def undone(self, estimate: Estimate, placed: Sequence[Placed], own: int) -> Estimate:
        """Return the estimate for covariates as they were: `own` parameters, and coefficients instead of exp(coefficient)."""
        acting = np.flatnonzero(self.acting).tolist()
        back = np.zeros((own + len(self.mean), own + len(acting)))
        back[:own, :own] = np.eye(own)
        for place, column in enumerate(acting):
            back[own + column, own + place] = 1 / self.spread[column]
            back[placed[column].parameter, own + place] -= placed[column].sign * self.mean[column] / self.spread[column]
        theta = back @ np.log(estimate.params)
        outer = np.where(np.arange(len(theta)) < own, np.exp(theta), 1.0)
        covariance = _carried(back, estimate.covariance / np.outer(estimate.params, estimate.params))
        idle = own + np.flatnonzero(~self.acting)
        covariance[idle, :] = covariance[:, idle] = np.nan
        params = np.concatenate([np.exp(theta[:own]), theta[own:]])
        return replace(estimate, params=params, covariance=covariance * np.outer(outer, outer))


def _carried(back: Array, covariance: Array) -> Array:
    """`back` C `back`', with NaN only where something unknown enters."""
    unknown = np.abs(back) @ np.isnan(np.diag(covariance)) > 0
    carried: Array = back @ np.nan_to_num(covariance) @ back.T
    carried[unknown, :] = carried[:, unknown] = np.nan
    return carried


class CovariateLikelihood:
    """Log-likelihood of a model's own parameters and exp(coefficient) of each covariate, with its gradient."""

    def __init__(self, by_row: ByRow, data: Histories, placed: Sequence[Placed], own: int) -> None:
        """Take the model's likelihood row by row, and where each covariate enters."""
        self.by_row, self.data, self.placed, self.own = by_row, data, placed, own

    def __call__(self, params: Array) -> tuple[float, Array]:
        """Return value and gradient."""
        own, ratios = params[: self.own], params[self.own :]
        logs = np.repeat(np.log(own)[:, None], len(self.data.x), axis=1)
        for z, ratio, place in zip(self.data.z.T, ratios, self.placed, strict=True):
            logs[place.parameter] += place.sign * z * np.log(ratio)
        rows = np.exp(logs)
        value, gradient = self.by_row(rows, self.data)
        slope = gradient * rows * self.data.weight
        of_own = slope.sum(axis=1) / own
        of_ratios = [
            place.sign * (slope[place.parameter] @ z) / ratio
            for z, ratio, place in zip(self.data.z.T, ratios, self.placed, strict=True)
        ]
        return float(self.data.weight @ value), np.concatenate([of_own, of_ratios])
