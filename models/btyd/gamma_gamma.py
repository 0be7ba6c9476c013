"""Gamma-Gamma: a customer's mean spend per order, shrunk towards the population's mean, less with more observed orders.

Fader and Hardie (2013), The Gamma-Gamma Model of Monetary Value, brucehardie.com/notes/025.
"""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import polars as pl
from scipy.optimize import nnls
from scipy.special import digamma, gammaln

from features.frames.arrays import Array
from models.btyd.fitted_model import UNFITTED, FittedModel
from models.btyd.histories import refuse_other_frames, unique_inverse
from models.btyd.lifetimes_engine import HOLDFAST_ENGINE, LIFETIMES_ENGINE, fit_gamma_gamma
from models.btyd.maximum_likelihood import Estimate, build_estimate, is_at_boundary, maximize
from models.errors import InvalidHistoriesError

MIN_BUYERS = 10
DEFAULT_Q = 4.0
OUTLIER_QUANTILE = 0.99  # a few large orders would decide the variances
MIN_VARIANCE_SHARE, MIN_BETWEEN_SHARE = 1e-4, 0.05
STARTS = ((6.0, 4.0, 0.5), (1.0, 2.0, 1.0), (2.0, 10.0, 5.0))
SPEND_COLUMNS = ("frequency", "monetary_value")


@dataclass(frozen=True, repr=False)
class GammaGamma(FittedModel):
    """Gamma-Gamma; `GammaGamma().fit(frame)` returns a fitted model. p and q have no unit, gamma has the data's currency.

    Frames hold `frequency` (repeat purchases) and `monetary_value` (mean spend per repeat purchase).

    >>> import polars as pl
    >>> from models.btyd import GammaGamma
    >>> frame = pl.DataFrame(
    ...     {
    ...         "frequency": [0, 1, 1, 1, 2, 2, 3, 3, 4, 5, 8],
    ...         "monetary_value": [None, 5.0, 20.0, 90.0, 15.0, 60.0, 12.0, 45.0, 30.0, 100.0, 25.0],
    ...     }
    ... )
    >>> model = GammaGamma().fit(frame)
    >>> {name: round(value, 2) for name, value in model.params.items()}
    {'p': 1.27, 'q': 4.65, 'gamma': 120.08}
    >>> model.expected_spend(frame).round(2).to_list()
    [41.7, 32.24, 36.11, 54.15, 30.76, 49.2, 26.55, 43.39, 34.9, 78.7, 29.42]
    """

    p: float = UNFITTED
    q: float = UNFITTED
    gamma: float = UNFITTED

    PARAMETERS: ClassVar[tuple[str, ...]] = ("p", "q", "gamma")

    def fit(self, frame: pl.DataFrame, engine: str = HOLDFAST_ENGINE) -> Self:
        """Return the maximum-likelihood fit to repeat buyers with positive spend; an optional `weight` counts rows.

        Customers without a repeat purchase or without positive spend are excluded. With fewer than ten left, or where the
        population's mean spend is infinite (q of 1 or less), or at a boundary, where all customers would spend the same or
        nothing but their own mean, the parameters come from moments, and `diagnosis` says so. `engine` may be "lifetimes".
        Raises InvalidHistoriesError for a missing column or an infinite value, and TooLittleDataError where `lifetimes` does
        not converge.
        """
        buyers = _repeat_buyers(frame)
        if buyers.height < MIN_BUYERS:
            diagnosis = f"too little data: {buyers.height} repeat buyers with positive spend; parameters from moments"
            return self.from_estimate(_moment_estimate(frame, diagnosis))
        weight = buyers["weight"].to_numpy()
        unit = float(weight @ buyers["monetary_value"].to_numpy() / weight.sum())
        likelihood = GammaGammaLikelihood(buyers, unit)
        if engine == LIFETIMES_ENGINE:
            params, diagnosis = fit_gamma_gamma(buyers)
            estimate = build_estimate(likelihood, params / np.array([1, 1, unit]), diagnosis)
        else:
            estimate = maximize(self.PARAMETERS, likelihood, [np.array(start) for start in STARTS])
        if estimate.params[1] <= 1:
            diagnosis = f"the population has no mean spend (q = {estimate.params[1]:.2f}): parameters from moments"
            return self.from_estimate(_credibility_estimate(buyers, diagnosis))
        if is_at_boundary(estimate.params):
            diagnosis = f"the likelihood has its maximum at a boundary (q = {estimate.params[1]:.3g}): parameters from moments"
            return self.from_estimate(_credibility_estimate(buyers, diagnosis))
        scale = np.array([1, 1, unit])
        return self.from_estimate(
            Estimate(
                params=estimate.params * scale,
                log_likelihood=estimate.log_likelihood - float(weight.sum() * np.log(unit)),
                covariance=estimate.covariance * np.outer(scale, scale),
                diagnosis=estimate.diagnosis,
            )
        )

    def expected_spend(self, frame: pl.DataFrame) -> pl.Series:
        """Return E[spend per order | x, monetary_value] (note 025, eq. 5); the population's mean for x = 0.

        A negative mean, from returns, counts as 0.
        """
        p, q, gamma = self.params.values()
        x = pl.col("frequency").fill_null(0)
        spend = pl.col("monetary_value").fill_null(0).clip(lower_bound=0)
        mean = p * (gamma + x * spend) / (p * x + q - 1)
        return frame.select(mean.cast(pl.Float64).alias("expected_spend")).to_series()


def spend_posterior(model: GammaGamma, frame: pl.DataFrame) -> tuple[float, Array, Array]:
    """Return p, and the shape q + p x and rate gamma + x m of each customer's posterior of v (note 025, eq. 3).

    An order is then Gamma(p, v), with v of Gamma(shape, rate) and m the mean spend so far. A negative m, from returns,
    counts as 0.
    """
    p, q, gamma = model.params.values()
    x = frame["frequency"].cast(pl.Float64).fill_null(0.0).to_numpy()
    mean = frame["monetary_value"].cast(pl.Float64).fill_null(0.0).clip(lower_bound=0.0).to_numpy()
    return p, q + p * x, gamma + x * mean


class GammaGammaLikelihood:
    """Sum of ln f(mean spend | x) over buyers (note 025, eq. 1a), spend in `unit`, with its gradient in p, q, gamma."""

    def __init__(self, buyers: pl.DataFrame, unit: float) -> None:
        """Prepare the terms that do not depend on the parameters."""
        x, spend, self.weight = (buyers[name].cast(pl.Float64).to_numpy() for name in (*SPEND_COLUMNS, "weight"))
        self.distinct_x, x_index = unique_inverse(x)
        self.weight_per_x = np.bincount(x_index, self.weight)
        self.x, self.spend = x, spend / unit
        self.log_total, self.log_spend = np.log(x * self.spend), np.log(self.spend)

    def __call__(self, params: Array) -> tuple[float, Array]:
        """Return value and gradient."""
        p, q, gamma = params
        px = p * self.distinct_x
        log_sum = np.log(gamma + self.x * self.spend)
        x_terms = gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(gamma)
        orders = self.weight * self.x
        value = (
            self.weight_per_x @ x_terms
            + p * (orders @ (self.log_total - log_sum))
            - self.weight @ self.log_spend
            - q * (self.weight @ log_sum)
        )
        gradient = [
            self.weight_per_x @ (self.distinct_x * (digamma(px + q) - digamma(px))) + orders @ (self.log_total - log_sum),
            self.weight_per_x @ (digamma(px + q) - digamma(q) + np.log(gamma)) - self.weight @ log_sum,
            self.weight_per_x.sum() * q / gamma - (self.weight * (p * self.x + q)) @ (1 / (gamma + self.x * self.spend)),
        ]
        return float(value), np.array(gradient)


def _repeat_buyers(frame: pl.DataFrame) -> pl.DataFrame:
    refuse_other_frames(frame)
    missing = [name for name in SPEND_COLUMNS if name not in frame.columns]
    if missing:
        raise InvalidHistoriesError(f"The frame has no column {missing[0]}; Gamma-Gamma needs {' and '.join(SPEND_COLUMNS)}.")
    weight = pl.col("weight").cast(pl.Float64) if "weight" in frame.columns else pl.lit(1.0)
    rows = frame.select(pl.col(SPEND_COLUMNS).cast(pl.Float64), weight.alias("weight"))
    infinite = rows.filter(~pl.all_horizontal(pl.all().is_finite().fill_null(value=True))).height
    if infinite:
        raise InvalidHistoriesError(
            f"{infinite:,} of {frame.height:,} customers have an infinite frequency or spend; correct or drop them."
        )
    return rows.filter((pl.col("frequency") > 0) & (pl.col("monetary_value") > 0) & (pl.col("weight") > 0))


def _credibility_estimate(buyers: pl.DataFrame, diagnosis: str) -> Estimate:
    """Return parameters from the variance of mean spend between customers and within them, from how it falls with x.

    Buehlmann and Straub (1970), Glaubwuerdigkeit fuer Schadensaetze: for x orders of variance s2, around customers' own means of
    variance t2, the variance of mean spend is t2 + s2 / x, and a customer's expectation weighs the own mean by x / (x + s2 / t2).
    In Gamma-Gamma s2 / t2 is (q - 1) / p, so both expectations are equal. At least a twentieth of the variance of an order counts
    as variance between customers: no evidence that they differ is no evidence that they do not.
    """
    x, spend, weight = (buyers[name].cast(pl.Float64).to_numpy() for name in (*SPEND_COLUMNS, "weight"))
    capped = np.minimum(spend, np.quantile(spend, OUTLIER_QUANTILE))
    mean = float(weight @ capped / weight.sum())
    root = np.sqrt(weight)
    design = np.column_stack([root, root / x])
    (between, within), _ = nnls(design, root * (capped - mean) ** 2)
    within = max(float(within), MIN_VARIANCE_SHARE * mean**2)
    between = max(float(between), MIN_BETWEEN_SHARE * within)
    p = (mean**2 + between) / within
    q = 1 + p * within / between
    return Estimate(
        params=np.array([p, q, float(weight @ spend / weight.sum()) * (q - 1) / p]),
        log_likelihood=float("nan"),
        covariance=np.full((3, 3), np.nan),
        diagnosis=diagnosis,
    )


def _moment_estimate(frame: pl.DataFrame, diagnosis: str) -> Estimate:
    """Return parameters with the observed mean spend per order that give a customer's own history moderate weight."""
    column = next((name for name in ("mean_order_value", "monetary_value") if name in frame.columns), None)
    positive = frame.filter(pl.col(column) > 0)[column].cast(pl.Float64) if column else pl.Series([], dtype=pl.Float64)
    mean = float(positive.mean() or 0.0)  # type: ignore[arg-type]  # the mean of floats is a float
    return Estimate(
        params=np.array([1.0, DEFAULT_Q, mean * (DEFAULT_Q - 1)]),
        log_likelihood=float("nan"),
        covariance=np.full((3, 3), np.nan),
        diagnosis=diagnosis,
    )
