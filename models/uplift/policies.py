"""What a way of choosing customers is worth in money: the profit of treating those it puts first, against treating nobody."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.log_odds import Array
from models.uplift.curves import Interval, resampled

RANDOM, RISK, RISK_VALUE = "random", "risk", "risk_x_value"
UPLIFT, UPLIFT_VALUE = "uplift", "uplift_x_value"
SHARES = (0.1, 0.2, 0.3)
SURE = 0.9


@dataclass(frozen=True)
class PolicyValue:
    """Profit per hundred customers of whom a share is treated, by policy; and the lead of uplift x value over risk x value."""

    values: Mapping[str, Interval]
    lead: Interval

    @property
    def is_better(self) -> bool:
        """Whether uplift x value gains more than risk x value, in nine of ten resamples."""
        return self.lead.mean > 0 and self.lead.above >= SURE


def policy_value(
    scores: Mapping[str, Array], money: Array, cost: float, unit: NDArray[np.int64], shares: tuple[float, ...] = SHARES
) -> PolicyValue:
    """Return what each policy is worth, the mean over several shares of customers treated.

    `scores` ranks customers by policy, RISK_VALUE and UPLIFT_VALUE among them, from what has not seen their outcome; RANDOM is
    added. `money` is the doubly robust effect of treating on the margin of each row, so that a mean over the treated rows is
    right on average (Athey and Wager 2021, doi:10.3982/ECTA15732); treating costs `cost` each.
    """
    net = money - cost
    ranks = {name: _ranks(score) for name, score in scores.items()}

    def of(name: str, rows: NDArray[np.int64]) -> float:
        if name == RANDOM:
            return 100 * float(np.mean(shares)) * float(net[rows].mean())
        return float(np.mean([100 * _treated_first(ranks[name][rows], net[rows], share) for share in shares]))

    values = {name: resampled(unit, lambda rows, name=name: of(name, rows)) for name in (RANDOM, *scores)}  # type: ignore[misc]
    lead = resampled(unit, lambda rows: of(UPLIFT_VALUE, rows) - of(RISK_VALUE, rows))
    return PolicyValue(values, lead)


def _ranks(score: Array) -> Array:
    """Equal scores in an order by chance, the same every time."""
    luck = np.random.default_rng(0).random(len(score))
    ranks = np.empty(len(score))
    ranks[np.lexsort((luck, -score))] = np.arange(len(score))
    return ranks


def _treated_first(ranks: Array, net: Array, share: float) -> float:
    """Profit per customer of all, if the first of them are treated."""
    first = max(round(share * len(ranks)), 1)
    chosen = np.argpartition(ranks, first - 1)[:first]
    return float(net[chosen].sum() / len(ranks))
