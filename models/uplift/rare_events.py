"""Intervals where few customers, or nearly all, have an order: the variation of the data then says too little."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.stats import beta

from features.frames.arrays import Array, BoolArray

MIN_EVENTS = 20  # per arm, of customers with and without an order: fewer are rare
MIN_BUYERS = 5  # in both arms together: fewer do not say what a customer who orders brings
MIN_DISPERSION = 2.0  # of amounts, where too few customers ordered to estimate it: that of an exponential distribution


@dataclass(frozen=True)
class Purchases:
    """Who ordered, and the amount that the orders brought before costs; 0 for customers without an order.

    `typical` is the mean amount per customer with an order in the same windows, of all customers of the shop; 0 if unknown. It
    counts where too few customers ordered to say.
    """

    ordered: BoolArray
    amount: Array
    typical: float = 0.0

    @property
    def mean_amount(self) -> float:
        """Mean amount per customer who ordered; with fewer than MIN_BUYERS at least the typical one."""
        buyers = int(self.ordered.sum())
        own = max(float(self.amount[self.ordered].mean()), 0.0) if buyers else 0.0
        return own if buyers >= MIN_BUYERS else max(own, self.typical)

    @property
    def dispersion(self) -> float:
        """Mean square of the amounts of those who ordered, over the square of their mean: how many orders weigh as one."""
        amounts = self.amount[self.ordered]
        own = float((amounts**2).mean() / amounts.mean() ** 2) if len(amounts) and amounts.mean() > 0 else 1.0
        return own if len(amounts) >= MIN_BUYERS else max(own, MIN_DISPERSION)


@dataclass(frozen=True)
class ArmShare:
    """The share of an arm's customers who ordered, and the number of independent customers that it rests on."""

    share: float
    size: float

    @classmethod
    def of(cls, purchases: Purchases, arm: BoolArray, weights: Array, size: float) -> Self:
        """Return the weighted share of an arm, which rests on `size` independent customers."""
        return cls(min(max(float(np.average(purchases.ordered[arm], weights=weights[arm])), 0.0), 1.0), size)

    @property
    def is_rare(self) -> bool:
        """Whether few customers ordered, or few did not."""
        return min(self.share, 1 - self.share) * self.size < MIN_EVENTS


def exact_bounds(share: float, size: float, confidence: float) -> tuple[float, float]:
    """Return the exact interval of a share (Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404).

    `size` is the number of independent customers; it need not be whole (Korn and Graubard 1998). At a share of 0 the upper bound
    is about 3.7 / size: the rule of three at 97.5 %. The interval is never of width zero.
    """
    events, tail = share * size, (1 - confidence) / 2
    low = float(beta.ppf(tail, events, size - events + 1)) if share > 0 else 0.0
    high = float(beta.ppf(1 - tail, events + 1, size - events)) if share < 1 else 1.0
    return low, high


def rare_event_margins(purchases: Purchases, treated: ArmShare, control: ArmShare, confidence: float) -> tuple[float, float]:
    """Return how far below and above the mean effect the interval should reach at least, in the unit of the amounts.

    Each arm's share has an exact interval, over as many customers as the dispersion of the amounts leaves of its `size`. The two
    are combined into one of the difference, and multiplied by the mean amount (Newcombe 1998,
    doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I, method 10, with exact bounds in place of scores).
    """
    distances = []
    for arm in (treated, control):
        low, high = exact_bounds(arm.share, arm.size / purchases.dispersion, confidence)
        distances.append((arm.share - low, high - arm.share))
    (below1, above1), (below0, above0) = distances
    amount = purchases.mean_amount
    return amount * float(np.hypot(below1, above0)), amount * float(np.hypot(above1, below0))
