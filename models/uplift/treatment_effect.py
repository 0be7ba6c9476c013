"""The average effect of treatment: treated customers against the control group, with its confidence interval."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from features.frames.arrays import Array, BoolArray, IntArray
from models.uplift.rare_events import ArmShare, Purchases, rare_event_margins

MIN_PER_ARM = 2
MIN_ROWS_PER_PARAMETER = 10
CONFIDENCE = 0.95
NORMAL_QUANTILE = 1.96
POWER_MULTIPLIER = 2.80  # 1.96 + 0.84: an effect of this many standard errors is detected with 80 % power


@dataclass(frozen=True)
class Effect:
    """Mean effect per treated customer, its 95 % interval, and the number of customers in each arm.

    `control_mean` is the mean outcome without treatment.
    """

    mean: float
    low: float
    high: float
    standard_error: float
    treated: int
    control: int
    control_mean: float

    @property
    def is_significant(self) -> bool:
        """Whether the interval excludes zero; never if all outcomes are equal."""
        return self.standard_error > 0 and (self.low > 0 or self.high < 0)

    def additional_customers_needed(self, effect: float) -> int | None:
        """Return how many more customers, split the same way, would detect an effect of this size with 80 % power.

        None where `effect` is 0 or less: no number of customers would.
        """
        if effect <= 0:
            return None
        customers = self.treated + self.control
        return max(int(np.ceil(customers * ((POWER_MULTIPLIER * self.standard_error / effect) ** 2 - 1))), 0)


def estimate_effect(
    outcome: Array,
    treated: BoolArray,
    propensity: Array,
    covariates: Array,
    unit: IntArray | None = None,
    purchases: Purchases | None = None,
) -> Effect | None:
    """Return the mean effect on the treated, by intention to treat; None with fewer than two customers or units in an arm.

    `propensity` is each customer's probability of treatment, in (0, 1); control customers are weighted by its odds (Hajek).
    `covariates`, shape (customers, k), were known before the assignment. One regression within the arms removes what they
    predict from the outcome (Deng et al. 2013, doi:10.1145/2433396.2433413): the interval narrows, and the mean changes only by
    chance. The interval is Welch's (1947, doi:10.1093/biomet/34.1-2.28), but each arm's variance is at least the mean of both
    variances. With skewed outcomes, a small control group that happens to order little also happens to vary little, and Welch's
    interval would be narrowest where it flatters most.

    `unit` is equal for the rows of one randomised unit, such as the windows of one household; None: each row is a unit. Errors
    within a unit are correlated: each arm's variance is multiplied by its design effect (clustered by unit, at least 1), and
    degrees of freedom count units.

    `purchases` are the orders behind the outcome. Where an arm has few of them, or few customers without one, the interval is at
    least as wide as exact ones of the shares allow (`models/uplift/rare_events.py`): two arms without any order vary by nothing,
    and still leave open how many order. None also if nothing says what a customer who orders brings.
    """
    if min(treated.sum(), (~treated).sum()) < MIN_PER_ARM:
        return None
    adjusted = outcome - _predicted_by_covariates(outcome, treated, covariates)
    odds = propensity / (1 - propensity)
    units = np.arange(len(outcome)) if unit is None else unit
    mean1, s1, w1, n1 = _weighted_mean(adjusted[treated], np.ones(int(treated.sum())), units[treated])
    mean0, s0, w0, n0 = _weighted_mean(adjusted[~treated], odds[~treated], units[~treated])
    if min(n1, n0) < MIN_PER_ARM:
        return None
    v1, v0 = (max(variance, (s1 + s0) / 2) * weight for variance, weight in ((s1, w1), (s0, w0)))
    error = float(np.sqrt(v1 + v0))
    degrees = (v1 + v0) ** 2 / (v1**2 / (n1 - 1) + v0**2 / (n0 - 1)) if error > 0 else 1.0
    margin = float(student.ppf((1 + CONFIDENCE) / 2, degrees)) * error
    rows1, rows0 = int(treated.sum()), int((~treated).sum())
    sizes = _independent_customers(rows1, n1, w1), _independent_customers(rows0, n0, w0)
    rare = _rare_margins(purchases, treated, odds, sizes)
    if rare is None:
        return None
    below, above = (max(margin, rare_margin) for rare_margin in rare)
    mean = mean1 - mean0
    return Effect(
        mean=mean,
        low=mean - below,
        high=mean + above,
        standard_error=max(error, (below + above) / 2 / NORMAL_QUANTILE) if max(rare) > margin else error,
        treated=rows1,
        control=rows0,
        control_mean=float(np.average(outcome[~treated], weights=odds[~treated])),
    )


def _independent_customers(rows: int, units: int, factor: float) -> float:
    """Return how many independent, equally weighted customers know as much as these; `factor` is that of `_weighted_mean`."""
    return (rows - 1) / rows * units / (units - 1) / factor


def _rare_margins(
    purchases: Purchases | None, treated: BoolArray, odds: Array, sizes: tuple[float, float]
) -> tuple[float, float] | None:
    """Return how far below and above the mean rare orders make the interval reach at least: 0 and 0 where they are not rare.

    None where they are rare and nothing says what a customer who orders brings.
    """
    if purchases is None:
        return 0.0, 0.0
    weights = np.where(treated, 1.0, odds)
    share1, share0 = (ArmShare.of(purchases, arm, weights, size) for arm, size in zip((treated, ~treated), sizes, strict=True))
    if not (share1.is_rare or share0.is_rare):
        return 0.0, 0.0
    return rare_event_margins(purchases, share1, share0, CONFIDENCE) if purchases.mean_amount > 0 else None


def _predicted_by_covariates(outcome: Array, treated: BoolArray, covariates: Array) -> Array:
    """Return what the covariates predict of the outcome, with mean zero; zeros where there are too few rows to fit them."""
    centred = covariates - covariates.mean(axis=0)
    if len(outcome) < MIN_ROWS_PER_PARAMETER * (covariates.shape[1] + 1):
        return np.zeros(len(outcome))
    within_arm, residual = centred.copy(), outcome.copy()
    for arm in (treated, ~treated):
        within_arm[arm] -= within_arm[arm].mean(axis=0)
        residual[arm] -= residual[arm].mean()
    slopes = np.linalg.lstsq(within_arm, residual, rcond=None)[0]
    predicted: Array = centred @ slopes
    return predicted


def _weighted_mean(values: Array, weights: Array, unit: IntArray) -> tuple[float, float, float, int]:
    """Return the weighted mean, the variance of a value, the factor from it to the variance of the mean, and the units."""
    n = len(values)
    mean = float(np.average(values, weights=weights))
    errors = weights * (values - mean)
    variance = float((errors**2).sum() / (weights**2).sum()) * n / (n - 1)
    units, index = np.unique(unit, return_inverse=True)
    factor = float((weights**2).sum() / weights.sum() ** 2)
    return mean, variance, factor * _design_effect(errors, index, len(units)), len(units)


def _design_effect(errors: Array, unit: IntArray, units: int) -> float:
    """Return how many times larger the variance of a sum of errors is than with independent errors: at least 1.

    `unit` numbers the rows of each unit from 0. The variance is clustered by unit (Liang and Zeger 1986,
    doi:10.1093/biomet/73.1.13). Units that happen to offset their own errors do not narrow an interval.
    """
    independent = float((errors**2).sum())
    if units in {1, len(errors)} or independent == 0:
        return 1.0
    n = len(errors)
    clustered = float((np.bincount(unit, weights=errors) ** 2).sum()) * units / (units - 1) * (n - 1) / n
    return max(clustered / independent, 1.0)
