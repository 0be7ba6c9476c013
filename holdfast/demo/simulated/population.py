"""Draw the true parameters of every simulated customer: rates, loyalty, service, and response to contacts."""

from dataclasses import dataclass

import numpy as np

from features.frames.arrays import Array, BoolArray, IntArray
from holdfast.demo.simulated.catalogue import BRANDS_PER_CATEGORY, CATEGORIES, REGIONS

LOYALTY_TYPES = ("hard_core", "split", "shifting", "switcher")
LOYALTY_SHARES = (0.30, 0.30, 0.15, 0.25)
# How a contact changes the dropout rate and the order rate for eight weeks, by type of response.
RESPONSES = ("persuadable", "sure_thing", "lost_cause", "sleeping_dog")
RESPONSE_SHARES = (0.35, 0.30, 0.20, 0.15)
CONTACT_DROPOUT_FACTORS = np.array([0.35, 1.0, 1.0, 1.7])
CONTACT_RATE_FACTORS = np.array([1.4, 1.1, 1.0, 0.9])
PROSPECT_SHARE = 0.03


@dataclass(frozen=True)
class Population:
    """The parameters of all customers, one entry per customer in every array; weeks count from the simulation's start.

    `order_rate`: orders per week while alive. `dropout_rate`: weekly probability of leaving for good. `weibull_shape`: 1 for
    orders at random times; above 1, an order becomes likelier with the time since the last one. `spend_scale`: factor on
    quantities. `loyalty_type` and `contact_response`: indices into LOYALTY_TYPES and RESPONSES. `favourites`: three brands
    per category, shape (customers, categories, 3); a shifting customer changes from the first to the second in `shift_week`.
    `referrer`: index of the referring customer, -1 without one.
    """

    seed: int
    joined_week: IntArray
    is_prospect: BoolArray
    order_rate: Array
    dropout_rate: Array
    weibull_shape: Array
    spend_scale: Array
    loyalty_type: IntArray
    favourites: IntArray
    shift_week: IntArray
    category_shares: Array
    region: IntArray
    online_share: Array
    complaint_probability: Array
    contact_response: IntArray
    referrer: IntArray
    is_partner: BoolArray
    has_consent: BoolArray

    @property
    def size(self) -> int:
        """The number of customers, including those who have not joined yet."""
        return len(self.order_rate)


def draw_population(customers: int, weeks: int, seed: int) -> Population:
    """Return `customers` customers, all of whom join within the first 85 % of `weeks`."""
    rng = np.random.default_rng([seed, 1])
    n = customers
    joined_week = np.sort(rng.integers(0, max(int(weeks * 0.85), 1), n))
    return Population(
        seed=seed,
        joined_week=joined_week,
        is_prospect=rng.random(n) < PROSPECT_SHARE,
        order_rate=rng.gamma(1.6, 0.09, n) + 0.01,
        dropout_rate=np.minimum(rng.gamma(1.2, 0.010, n) + 0.001, 0.25),
        weibull_shape=rng.choice([1.0, 2.5], n, p=[0.5, 0.5]),
        spend_scale=rng.lognormal(0.0, 0.5, n),
        loyalty_type=rng.choice(len(LOYALTY_TYPES), n, p=LOYALTY_SHARES),
        favourites=_draw_favourites(rng, n),
        shift_week=joined_week + rng.integers(8, 80, n),
        category_shares=rng.dirichlet(np.full(len(CATEGORIES), 0.7), n),
        region=rng.integers(0, len(REGIONS), n),
        online_share=rng.beta(0.7, 0.9, n),
        complaint_probability=rng.beta(2, 5, n),
        contact_response=rng.choice(len(RESPONSES), n, p=RESPONSE_SHARES),
        referrer=np.where(rng.random(n) < 0.10, rng.integers(0, np.maximum(np.arange(n), 1)), -1),
        is_partner=rng.random(n) < 0.01,
        has_consent=rng.random(n) < 0.90,
    )


def _draw_favourites(rng: np.random.Generator, n: int) -> IntArray:
    """Draw three different brands per customer and category, shape (n, categories, 3)."""
    shuffled = rng.random((n, len(CATEGORIES), BRANDS_PER_CATEGORY)).argsort(axis=2)
    return shuffled[:, :, :3].astype(np.int64)
