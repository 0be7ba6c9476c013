from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from serving.targeting.knapsack import build_forced_increments, build_increments, relaxed_optimum, select_affordable

MONEY = st.integers(0, 12).map(float)


@st.composite
def offers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, float]:
    customers, actions = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    costs = np.array(draw(st.lists(MONEY, min_size=actions, max_size=actions)))
    cell = st.one_of(st.none(), st.integers(-5, 20))
    rows = draw(st.lists(st.lists(cell, min_size=actions, max_size=actions), min_size=customers, max_size=customers))
    cells = [[np.nan if value is None else float(value) for value in row] for row in rows]
    gains = np.maximum(np.array(cells), -costs)  # at worst an action brings nothing
    return costs, gains, draw(st.integers(0, 40).map(float))


def optimum(costs: np.ndarray, gains: np.ndarray, budget: float) -> float:
    """Return the exact optimum by HiGHS: at most one action per customer, costs within the budget."""
    values = np.where(np.isnan(gains), -1e3, gains).ravel()
    one_per_customer = np.kron(np.eye(len(gains)), np.ones(len(costs)))
    total_cost = np.tile(costs, len(gains))[None, :]
    bounds = [LinearConstraint(one_per_customer, ub=1), LinearConstraint(total_cost, ub=budget)]
    return float(-milp(-values, constraints=bounds, integrality=np.ones(len(values)), bounds=Bounds(0, 1)).fun)


def spend(costs: np.ndarray, gains: np.ndarray, budget: float) -> tuple[float, float, float]:
    """Return the gain and cost of the bought increments, and the largest gain of one that was not bought."""
    increments = build_increments(costs, gains)
    profitable = increments.subset(increments.gain > 0)
    bought = select_affordable(profitable, np.ones(len(gains), dtype=bool), budget)
    missed = profitable.gain[~bought]
    return float(profitable.gain[bought].sum()), float(profitable.cost[bought].sum()), float(missed.max()) if len(missed) else 0.0


@given(offers())
@settings(max_examples=300, deadline=None)
def test_no_choice_of_actions_gains_more_than_one_increment_above_ours(case: tuple[np.ndarray, np.ndarray, float]) -> None:
    costs, gains, budget = case
    best, (gain, cost, missed) = optimum(costs, gains, budget), spend(costs, gains, budget)
    increments = build_increments(costs, gains)
    assert cost <= budget + 1e-6
    assert best - missed - 1e-6 <= gain <= best + 1e-6
    assert relaxed_optimum(increments, budget) >= best - 1e-6


@given(offers())
@settings(max_examples=100, deadline=None)
def test_with_equal_costs_the_result_is_the_optimum(case: tuple[np.ndarray, np.ndarray, float]) -> None:
    costs, gains, budget = case
    equal_costs = np.full(len(costs), 3.0)
    assert spend(equal_costs, gains, budget)[0] == pytest.approx(optimum(equal_costs, gains, budget))


@given(offers(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_whether_a_customers_first_increment_is_bought_does_not_depend_on_their_own_arm(
    case: tuple[np.ndarray, np.ndarray, float], random: Random
) -> None:
    costs, gains, budget = case
    increments = build_increments(costs, gains)
    treated = np.array([random.random() < 0.5 for _ in gains])
    bought = select_affordable(increments, treated, budget)
    for row in range(len(gains)):
        flipped = treated.copy()
        flipped[row] = not flipped[row]
        own_first = (increments.row == row) & increments.is_first
        assert (select_affordable(increments, flipped, budget)[own_first] == bought[own_first]).all()


def test_a_more_expensive_action_is_bought_if_the_budget_allows_it() -> None:
    costs, gains = np.array([1.0, 10.0]), np.array([[5.0, 8.0], [2.0, np.nan]])
    all_treated = np.ones(2, dtype=bool)
    increments = build_increments(costs, gains)
    assert increments.option.tolist() == [0, 0, 1]
    assert select_affordable(increments, all_treated, 2.0).tolist() == [True, True, False]
    assert select_affordable(increments, all_treated, 11.0).tolist() == [True, True, True]
    assert select_affordable(increments, np.array([False, True]), 10.0).tolist() == [
        True,
        True,
        False,
    ]  # as if the first customer were treated
    assert select_affordable(increments, np.array([True, False]), 10.0).tolist() == [True, True, True]


def test_proportional_actions_stay_within_the_budget() -> None:
    costs, gains = np.array([1.1, 3.3]), np.array([[0.1, 0.3]] * 5)
    increments = build_increments(costs, gains)
    assert increments.option.tolist() == [1] * 5
    assert increments.cost[select_affordable(increments, np.ones(5, dtype=bool), 9.0)].sum() <= 9.0


def test_forced_increments_include_losses() -> None:
    increments = build_forced_increments(np.array([1.0, 5.0]), np.array([[-0.5, -4.0], [np.nan, np.nan], [1.0, 2.0]]))
    assert increments.row.tolist() == [2, 0]
    assert increments.gain.tolist() == [2.0, -0.5]
    assert len(build_forced_increments(np.zeros(0), np.zeros((2, 0)))) == 0
    assert len(build_increments(np.zeros(0), np.zeros((2, 0)))) == 0
