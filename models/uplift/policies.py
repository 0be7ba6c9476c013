"""The value of a targeting policy in money: the profit of treating the customers it ranks first, against treating no one."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from features.frames.arrays import Array, IntArray
from models.uplift.curves import Interval, bootstrap_interval

RANDOM, RISK, RISK_VALUE = "random", "risk", "risk_x_value"
UPLIFT, UPLIFT_VALUE = "uplift", "uplift_x_value"
TREATED_SHARES = (0.1, 0.2, 0.3)
MIN_CONFIDENCE = 0.9


@dataclass(frozen=True)
class PolicyValue:
    """Profit per hundred customers by policy, and `lead`: uplift x value minus risk x value."""

    values: Mapping[str, Interval]
    lead: Interval

    @property
    def is_better(self) -> bool:
        """Whether uplift x value earns more than risk x value, in at least nine of ten resamples."""
        return self.lead.mean > 0 and self.lead.above >= MIN_CONFIDENCE


def policy_value(
    scores: Mapping[str, Array],
    margin_effect: Array,
    cost: float,
    unit: IntArray,
    shares: tuple[float, ...] = TREATED_SHARES,
) -> PolicyValue:
    """Return the value of each policy, averaged over several shares of customers treated.

    `scores` holds a score per customer for each policy, RISK_VALUE and UPLIFT_VALUE among them, from models that have not seen
    the customer's outcome; RANDOM is added. `margin_effect` is the doubly robust effect of treatment on each row's margin, so
    its mean over the treated rows is unbiased (Athey and Wager 2021, doi:10.3982/ECTA15732). One treatment costs `cost`.
    """
    profit = margin_effect - cost
    ranks = {name: _ranks(score) for name, score in scores.items()}

    def value(name: str, rows: IntArray) -> float:
        if name == RANDOM:
            return 100 * float(np.mean(shares)) * float(profit[rows].mean())
        return float(np.mean([100 * _profit_of_top(ranks[name][rows], profit[rows], share) for share in shares]))

    values = {name: bootstrap_interval(unit, lambda rows, name=name: value(name, rows)) for name in (RANDOM, *scores)}  # type: ignore[misc]
    lead = bootstrap_interval(unit, lambda rows: value(UPLIFT_VALUE, rows) - value(RISK_VALUE, rows))
    return PolicyValue(values=values, lead=lead)


def _ranks(score: Array) -> Array:
    """Return the rank of each row, 0 for the highest score; ties are in a random order that is the same in every call."""
    tie_breaker = np.random.default_rng(0).random(len(score))
    ranks = np.empty(len(score))
    ranks[np.lexsort((tie_breaker, -score))] = np.arange(len(score))
    return ranks


def _profit_of_top(ranks: Array, profit: Array, share: float) -> float:
    """Return the profit per customer of all, if the `share` with the lowest ranks is treated."""
    count = max(round(share * len(ranks)), 1)
    treated = np.argpartition(ranks, count - 1)[:count]
    return float(profit[treated].sum() / len(ranks))
