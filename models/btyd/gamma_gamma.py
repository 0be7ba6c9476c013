"""Gamma-Gamma: the average spend per order, shrunk towards everybody's by how often a customer was seen.

Fader and Hardie (2013), The Gamma-Gamma Model of Monetary Value, brucehardie.com/notes/025.
"""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import polars as pl
from scipy.special import digamma, gammaln

from models.btyd.fitted_model import UNFITTED, FittedModel
from models.btyd.histories import unique
from models.btyd.lifetimes_engine import fit_spend
from models.btyd.maximum_likelihood import Estimate, described, maximize
from models.errors import InvalidHistoriesError
from models.log_odds import Array

MIN_BUYERS = 10
SHRINKING_Q = 4.0
STARTS = ((6.0, 4.0, 0.5), (1.0, 2.0, 1.0), (2.0, 10.0, 5.0))
COLUMNS = ("frequency", "monetary_value")


@dataclass(frozen=True)
class GammaGamma(FittedModel):
    """A Gamma-Gamma; `GammaGamma().fit(frame)` returns a fitted one. p and q without unit, gamma in the data's currency.

    Frames hold `frequency` (repeat purchases) and `monetary_value` (average spend per repeat purchase).
    """

    p: float = UNFITTED
    q: float = UNFITTED
    gamma: float = UNFITTED

    PARAMETERS: ClassVar[tuple[str, ...]] = ("p", "q", "gamma")

    def fit(self, frame: pl.DataFrame, engine: str = "holdfast") -> Self:
        """Return the maximum-likelihood fit to repeat buyers with positive spend; an optional `weight` counts rows.

        Customers without a repeat purchase or without positive spend take no part. With fewer than ten left, or where
        the population's mean spend is infinite (q of 1 or less), the parameters come from moments, and `diagnosis` says
        so. `engine` may be "lifetimes". Raises BadHistories for a missing column or an infinite value.
        """
        buyers = _buyers(frame)
        if buyers.height < MIN_BUYERS:
            few = f"too little data: {buyers.height} repeat buyers with positive spend; parameters from moments"
            return self.of(_moments(frame, few))
        weight = buyers["weight"].to_numpy()
        unit = float(weight @ buyers["monetary_value"].to_numpy() / weight.sum())
        likelihood = GammaGammaLikelihood(buyers, unit)
        if engine == "lifetimes":
            params, diagnosis = fit_spend(buyers)
            estimate = described(likelihood, params / np.array([1, 1, unit]), diagnosis)
        else:
            estimate = maximize(self.PARAMETERS, likelihood, [np.array(start) for start in STARTS])
        if estimate.params[1] <= 1:
            heavy = f"the population has no mean spend (q = {estimate.params[1]:.2f}): parameters from moments"
            return self.of(_moments(frame, heavy))
        scale = np.array([1, 1, unit])
        value = estimate.log_likelihood - float(weight.sum() * np.log(unit))
        covariance = estimate.covariance * np.outer(scale, scale)
        return self.of(Estimate(estimate.params * scale, value, covariance, estimate.diagnosis))

    def expected_spend(self, frame: pl.DataFrame) -> pl.Series:
        """E[spend per order | x, monetary_value] (note 025, eq. 5); the population's mean for x = 0.

        A negative average, from returns, counts as 0.
        """
        p, q, gamma = self.params.values()
        x = pl.col("frequency").fill_null(0)
        spend = pl.col("monetary_value").fill_null(0).clip(lower_bound=0)
        mean = p * (gamma + x * spend) / (p * x + q - 1)
        return frame.select(mean.cast(pl.Float64).alias("expected_spend")).to_series()


def own_spend(model: GammaGamma, frame: pl.DataFrame) -> tuple[float, Array, Array]:
    """Return p, and the shape q + p x and scale gamma + x m of each customer's own rate of spend v (note 025, eq. 3).

    An order is then Gamma(p, v), with v of Gamma(shape, scale). A negative average, from returns, counts as 0.
    """
    p, q, gamma = model.params.values()
    x = frame["frequency"].cast(pl.Float64).fill_null(0.0).to_numpy()
    mean = frame["monetary_value"].cast(pl.Float64).fill_null(0.0).clip(lower_bound=0.0).to_numpy()
    return p, q + p * x, gamma + x * mean


class GammaGammaLikelihood:
    """Sum of ln f(average spend | x) (note 025, eq. 1a) over buyers, spend in `unit`, with its gradient in p, q, gamma."""

    def __init__(self, buyers: pl.DataFrame, unit: float) -> None:
        """Prepare what depends on x alone."""
        x, spend, self.weight = (buyers[name].cast(pl.Float64).to_numpy() for name in (*COLUMNS, "weight"))
        self.x, self.of_x = unique(x)
        self.per_x = np.bincount(self.of_x, self.weight)
        self.each, self.spend = x, spend / unit
        self.log_all, self.log_spend = np.log(x * self.spend), np.log(self.spend)

    def __call__(self, params: Array) -> tuple[float, Array]:
        """Return value and gradient."""
        p, q, gamma = params
        px = p * self.x
        log_sum = np.log(gamma + self.each * self.spend)
        by_x = gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(gamma)
        orders = self.weight * self.each
        value = (
            self.per_x @ by_x
            + p * (orders @ (self.log_all - log_sum))
            - self.weight @ self.log_spend
            - q * (self.weight @ log_sum)
        )
        gradient = [
            self.per_x @ (self.x * (digamma(px + q) - digamma(px))) + orders @ (self.log_all - log_sum),
            self.per_x @ (digamma(px + q) - digamma(q) + np.log(gamma)) - self.weight @ log_sum,
            self.per_x.sum() * q / gamma - (self.weight * (p * self.each + q)) @ (1 / (gamma + self.each * self.spend)),
        ]
        return float(value), np.array(gradient)


def _buyers(frame: pl.DataFrame) -> pl.DataFrame:
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise InvalidHistoriesError(f"The frame has no column {missing[0]}; Gamma-Gamma needs {' and '.join(COLUMNS)}.")
    weight = pl.col("weight").cast(pl.Float64) if "weight" in frame.columns else pl.lit(1.0)
    rows = frame.select(pl.col(COLUMNS).cast(pl.Float64), weight.alias("weight"))
    infinite = rows.filter(~pl.all_horizontal(pl.all().is_finite().fill_null(value=True))).height
    if infinite:
        raise InvalidHistoriesError(
            f"{infinite:,} of {frame.height:,} customers have an infinite frequency or spend; correct or drop them."
        )
    return rows.filter((pl.col("frequency") > 0) & (pl.col("monetary_value") > 0) & (pl.col("weight") > 0))


def _moments(frame: pl.DataFrame, diagnosis: str) -> Estimate:
    """Give the population the observed mean spend per order, and a customer's own history moderate weight."""
    column = next((name for name in ("mean_order_value", "monetary_value") if name in frame.columns), None)
    positive = frame.filter(pl.col(column) > 0)[column].cast(pl.Float64) if column else pl.Series([], dtype=pl.Float64)
    mean = float(positive.mean() or 0.0)  # type: ignore[arg-type]  # the mean of floats is one
    return Estimate(np.array([1.0, SHRINKING_Q, mean * (SHRINKING_Q - 1)]), float("nan"), np.full((3, 3), np.nan), diagnosis)
