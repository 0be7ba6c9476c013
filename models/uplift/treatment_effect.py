"""What treating brought: the difference between who was treated and who was held out, with its interval."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from models.log_odds import Array

FEWEST = 2
CONFIDENCE = 0.95
POWER = 2.80  # 1.96 + 0.84: an effect so many standard errors large is seen in four of five trials


@dataclass(frozen=True)
class Effect:
    """Mean effect per treated customer, its 95 % interval, and how many customers it rests on.

    `control_mean` is the outcome without treatment.
    """

    mean: float
    low: float
    high: float
    standard_error: float
    treated: int
    control: int
    control_mean: float

    @property
    def is_seen(self) -> bool:
        """Whether the interval leaves out zero; outcomes that are all the same tell nothing."""
        return self.standard_error > 0 and (self.low > 0 or self.high < 0)

    def more_needed(self, worth_seeing: float) -> int | None:
        """Return how many more customers, split the same way, would show an effect of that size in four of five trials.

        None where no number would: an effect of nothing.
        """
        if worth_seeing <= 0:
            return None
        customers = self.treated + self.control
        return max(int(np.ceil(customers * ((POWER * self.standard_error / worth_seeing) ** 2 - 1))), 0)


def effect(outcome: Array, treated: NDArray[np.bool_], propensity: Array, covariates: Array) -> Effect | None:
    """Return the mean effect on those treated, as they were assigned; None with fewer than two in an arm.

    `propensity` is the probability with which each was treated, in (0, 1): those held out stand for the treated by its odds
    (Hajek). `covariates`, shape (customers, k), were known before the draw: what they foretell is taken out of the outcome,
    by one regression within the arms (Deng et al. 2013, doi:10.1145/2433396.2433413), which narrows the interval and moves the
    mean by nothing but chance. The interval is Welch's (1947, doi:10.1093/biomet/34.1-2.28), but an arm is taken to spread at
    least as much as the mean of both: of skewed outcomes a few held out that happen to order little also happen to spread
    little, and the interval would be narrowest where it flatters most.
    """
    if min(treated.sum(), (~treated).sum()) < FEWEST:
        return None
    adjusted = outcome - _foretold(outcome, treated, covariates)
    odds = propensity / (1 - propensity)
    arms = [_mean(adjusted[treated], np.ones(int(treated.sum()))), _mean(adjusted[~treated], odds[~treated])]
    (with_it, s1, w1, n1), (without, s0, w0, n0) = arms
    v1, v0 = (max(own, (s1 + s0) / 2) * weight for own, weight in ((s1, w1), (s0, w0)))
    error = float(np.sqrt(v1 + v0))
    freedom = (v1 + v0) ** 2 / (v1**2 / (n1 - 1) + v0**2 / (n0 - 1)) if error > 0 else 1.0
    reach = float(student.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    mean = with_it - without
    held_out = float(np.average(outcome[~treated], weights=odds[~treated]))
    return Effect(mean, mean - reach, mean + reach, error, int(treated.sum()), int((~treated).sum()), held_out)


def _foretold(outcome: Array, treated: NDArray[np.bool_], covariates: Array) -> Array:
    """What the covariates foretell, with mean zero; nothing where there are too few rows to learn it from."""
    centred = covariates - covariates.mean(axis=0)
    if len(outcome) < 10 * (covariates.shape[1] + 1):
        return np.zeros(len(outcome))
    within, left = centred.copy(), outcome.copy()
    for arm in (treated, ~treated):
        within[arm] -= within[arm].mean(axis=0)
        left[arm] -= left[arm].mean()
    slopes = np.linalg.lstsq(within, left, rcond=None)[0]
    foretold: Array = centred @ slopes
    return foretold


def _mean(values: Array, weights: Array) -> tuple[float, float, float, int]:
    """A weighted mean, the variance of a value, what it is multiplied by for that of the mean, and how many values there are."""
    n = len(values)
    mean = float(np.average(values, weights=weights))
    spread = float(((weights * (values - mean)) ** 2).sum() / (weights**2).sum()) * n / (n - 1)
    return mean, spread, float((weights**2).sum() / weights.sum() ** 2), n
