"""The truth behind every simulated customer: rates, loyalty, service, and response to being contacted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.demo.simulated.catalogue import BRANDS_PER_CATEGORY, CATEGORIES, REGIONS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

LOYALTY_TYPES = ("hard_core", "split", "shifting", "switcher")
LOYALTY_SHARES = (0.30, 0.30, 0.15, 0.25)
# What a contact does for eight weeks: to the weekly risk of dropping out, and to the order rate.
RESPONSES = ("persuadable", "sure_thing", "lost_cause", "sleeping_dog")
RESPONSE_SHARES = (0.35, 0.30, 0.20, 0.15)
CONTACT_ON_DROPOUT = np.array([0.35, 1.0, 1.0, 1.7])
CONTACT_ON_RATE = np.array([1.4, 1.1, 1.0, 0.9])
SHARE_OF_PROSPECTS = 0.03


@dataclass(frozen=True)
class Population:
    """One entry per customer in every array; weeks count from the start of the simulation.

    `rate`: orders per week while alive. `dropout`: weekly probability of leaving for good. `rhythm`: 1 for
    orders at random, above 1 for a probability that rises with the time since the last one.
    """

    seed: int
    joined: Ints
    prospect: Flags
    rate: Floats
    dropout: Floats
    rhythm: Floats
    spend: Floats
    loyalty: Ints
    favourites: Ints
    shift_week: Ints
    categories: Floats
    region: Ints
    online: Floats
    complains: Floats
    response: Ints
    referrer: Ints
    partner: Flags
    consent: Flags

    @property
    def size(self) -> int:
        """How many customers there are, those included who have not joined yet."""
        return len(self.rate)


def draw_population(customers: int, weeks: int, seed: int) -> Population:
    """Return `customers` of whom all join within the first 85 % of `weeks`."""
    rng = np.random.default_rng([seed, 1])
    n = customers
    joined = np.sort(rng.integers(0, max(int(weeks * 0.85), 1), n))
    return Population(
        seed=seed,
        joined=joined,
        prospect=rng.random(n) < SHARE_OF_PROSPECTS,
        rate=rng.gamma(1.6, 0.09, n) + 0.01,
        dropout=np.minimum(rng.gamma(1.2, 0.010, n) + 0.001, 0.25),
        rhythm=rng.choice([1.0, 2.5], n, p=[0.5, 0.5]),
        spend=rng.lognormal(0.0, 0.5, n),
        loyalty=rng.choice(len(LOYALTY_TYPES), n, p=LOYALTY_SHARES),
        favourites=_favourites(rng, n),
        shift_week=joined + rng.integers(8, 80, n),
        categories=rng.dirichlet(np.full(len(CATEGORIES), 0.7), n),
        region=rng.integers(0, len(REGIONS), n),
        online=rng.beta(0.7, 0.9, n),
        complains=rng.beta(2, 5, n),
        response=rng.choice(len(RESPONSES), n, p=RESPONSE_SHARES),
        referrer=np.where(rng.random(n) < 0.10, rng.integers(0, np.maximum(np.arange(n), 1)), -1),
        partner=rng.random(n) < 0.01,
        consent=rng.random(n) < 0.90,
    )


def _favourites(rng: np.random.Generator, n: int) -> Ints:
    """Return three different brands per customer and category, shape (n, categories, 3)."""
    order = rng.random((n, len(CATEGORIES), BRANDS_PER_CATEGORY)).argsort(axis=2)
    return order[:, :, :3].astype(np.int64)
