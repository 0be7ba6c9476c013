"""Intervals where few customers order: exact bounds of shares, never of width zero, with the coverage that they claim."""

import numpy as np
import pytest

from models.uplift.rare_events import MIN_BUYERS, Purchases, exact_bounds
from models.uplift.treatment_effect import Effect, estimate_effect

COST, AMOUNT, ORDERS_PER_BUYER, SIGMA = 5.0, 50.0, 1.3, 0.8
MEAN_AMOUNT = AMOUNT * ORDERS_PER_BUYER * float(np.exp(SIGMA**2 / 2))


def effect(ordered: list[int], sizes: list[int], *, amount: float = 40.0, typical: float = 40.0, cost: float = 0.0) -> Effect:
    """Return the effect where the first of each arm (treated, held out) ordered for the same amount."""
    bought = np.concatenate([np.arange(size) < count for count, size in zip(ordered, sizes, strict=True)])
    treated = np.arange(sum(sizes)) < sizes[0]
    purchases = Purchases(bought, amount * bought, typical)
    outcome = amount * bought - cost * treated
    propensity = np.full(len(treated), sizes[0] / sum(sizes))
    estimated = estimate_effect(outcome, treated, propensity, np.zeros((len(treated), 0)), None, purchases)
    assert estimated is not None
    return estimated


def test_the_exact_bounds_are_those_of_clopper_and_pearson() -> None:
    assert exact_bounds(0.0, 18, 0.95) == (0.0, pytest.approx(1 - 0.025 ** (1 / 18)))
    assert exact_bounds(1.0, 18, 0.95) == (pytest.approx(0.025 ** (1 / 18)), 1.0)
    assert exact_bounds(0.1, 100, 0.95) == (pytest.approx(0.0490, abs=1e-4), pytest.approx(0.1762, abs=1e-4))  # binom.test of R


@pytest.mark.parametrize(
    ("ordered", "sizes"),
    [
        ([0, 0], [192, 18]),
        ([192, 18], [192, 18]),
        ([0, 0], [2, 2]),
        ([3, 0], [192, 18]),
        ([0, 3], [1_000, 100]),
        ([500, 0], [500, 90]),
    ],
)
def test_the_interval_is_never_of_width_zero_and_contains_its_mean(ordered: list[int], sizes: list[int]) -> None:
    estimated = effect(ordered, sizes, cost=COST)
    assert estimated.low <= estimated.mean <= estimated.high
    assert estimated.low < estimated.high
    assert estimated.standard_error > 0


def test_without_an_order_each_arm_may_still_have_a_few_in_a_hundred() -> None:
    estimated = effect([0, 0], [192, 18], amount=1.0, typical=1.0)
    assert (estimated.mean, estimated.low, estimated.high) == (
        0.0,
        pytest.approx(-0.336, abs=1e-3),
        pytest.approx(0.0377, abs=1e-3),
    )


def test_the_interval_of_money_without_an_order_follows_what_an_order_brings_in_the_shop() -> None:
    small, large = (effect([0, 0], [192, 18], typical=typical, cost=COST) for typical in (10.0, 100.0))
    assert small.mean == large.mean == -COST
    assert (large.high - large.low) == pytest.approx(10 * (small.high - small.low))


def test_nothing_is_estimated_where_nothing_says_what_an_order_brings() -> None:
    treated = np.arange(20) < 15
    nobody = Purchases(np.zeros(20, dtype=bool), np.zeros(20))
    assert estimate_effect(-5.0 * treated, treated, np.full(20, 0.75), np.zeros((20, 0)), None, nobody) is None


def test_where_orders_are_common_the_interval_is_welchs() -> None:
    rng = np.random.default_rng(2)
    treated, ordered = np.arange(600) < 400, rng.random(600) < 0.4
    outcome = ordered * rng.lognormal(3, 1, 600)
    with_orders, without = (
        estimate_effect(outcome, treated, np.full(600, 2 / 3), np.zeros((600, 0)), None, purchases)
        for purchases in (Purchases(ordered, outcome, 20.0), None)
    )
    assert with_orders == without


def test_few_customers_who_ordered_do_not_say_what_an_order_brings() -> None:
    few = Purchases(np.arange(20) < MIN_BUYERS - 1, np.where(np.arange(20) < MIN_BUYERS - 1, 3.0, 0.0), typical=40.0)
    many = Purchases(np.arange(20) < MIN_BUYERS, np.where(np.arange(20) < MIN_BUYERS, 3.0, 0.0), typical=40.0)
    assert (few.mean_amount, few.dispersion) == (40.0, 2.0)
    assert (many.mean_amount, many.dispersion) == (3.0, 1.0)


@pytest.mark.parametrize(
    ("sizes", "shares"),
    [
        ([192, 18], (0.01, 0.01)),
        ([192, 18], (0.02, 0.05)),
        ([400, 40], (0.01, 0.005)),
        ([1_000, 100], (0.03, 0.03)),
        ([300, 300], (0.02, 0.01)),
        ([90, 10], (0.97, 0.97)),
        ([1_000, 100], (0.20, 0.15)),
    ],
)
def test_the_interval_covers_the_truth_in_95_of_100_however_rare_orders_are(
    sizes: list[int], shares: tuple[float, float]
) -> None:
    """Amounts are lognormal and an action costs 5. Welch's interval alone covers 82 to 86 % in the second case."""
    rng, repeats = np.random.default_rng(1), 400
    treated = np.arange(sum(sizes)) < sizes[0]
    truth = {"orders": ORDERS_PER_BUYER * (shares[0] - shares[1]), "profit": MEAN_AMOUNT * (shares[0] - shares[1]) - COST}
    covered = dict.fromkeys(truth, 0)
    propensity, covariates = np.full(len(treated), sizes[0] / len(treated)), np.zeros((len(treated), 0))
    for _ in range(repeats):
        ordered = rng.random(len(treated)) < np.where(treated, *shares)
        orders = np.where(ordered, 1.0 + rng.poisson(ORDERS_PER_BUYER - 1, len(treated)), 0.0)
        spend = AMOUNT * rng.lognormal(0, SIGMA, len(treated)) * orders
        for name, outcome, amount, typical in (
            ("orders", orders, orders, ORDERS_PER_BUYER),
            ("profit", spend - COST * treated, spend, MEAN_AMOUNT),
        ):
            purchases = Purchases(ordered, amount, typical)
            estimated = estimate_effect(outcome, treated, propensity, covariates, None, purchases)
            covered[name] += estimated is not None and estimated.low <= truth[name] <= estimated.high
    assert min(covered.values()) / repeats >= 0.95, covered
