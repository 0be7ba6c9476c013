from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from serving.targeting.knapsack import affordable, forced_increments, increments, most_possible

MONEY = st.integers(0, 12).map(float)


@st.composite
def offers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, float]:
    customers, actions = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    costs = np.array(draw(st.lists(MONEY, min_size=actions, max_size=actions)))
    cells = st.one_of(st.none(), st.integers(-5, 20))
    rows = draw(st.lists(st.lists(cells, min_size=actions, max_size=actions), min_size=customers, max_size=customers))
    cells_of = [[np.nan if cell is None else float(cell) for cell in row] for row in rows]
    gains = np.maximum(np.array(cells_of), -costs)  # nothing is saved at worst
    return costs, gains, draw(st.integers(0, 40).map(float))


def optimum(costs: np.ndarray, gains: np.ndarray, budget: float) -> float:
    """The exact answer of HiGHS: at most one action per customer, costs within the budget."""
    worth = np.where(np.isnan(gains), -1e3, gains).ravel()
    each = np.kron(np.eye(len(gains)), np.ones(len(costs)))
    paid = np.tile(costs, len(gains))[None, :]
    bounds = [LinearConstraint(each, ub=1), LinearConstraint(paid, ub=budget)]
    return float(-milp(-worth, constraints=bounds, integrality=np.ones(len(worth)), bounds=Bounds(0, 1)).fun)


def bought(costs: np.ndarray, gains: np.ndarray, budget: float) -> tuple[float, float, float]:
    """What is gained and spent, and what the step gains that the budget breaks."""
    ladder = increments(costs, gains)
    paying = ladder.only(ladder.gain > 0)
    taken = affordable(paying, np.ones(len(gains), dtype=bool), budget)
    missed = paying.gain[~taken]
    return float(paying.gain[taken].sum()), float(paying.cost[taken].sum()), float(missed.max()) if len(missed) else 0.0


@given(offers())
@settings(max_examples=300, deadline=None)
def test_no_choice_of_actions_gains_more_than_one_step_above_ours(case: tuple[np.ndarray, np.ndarray, float]) -> None:
    costs, gains, budget = case
    best, (gained, spent, missed) = optimum(costs, gains, budget), bought(costs, gains, budget)
    ladder = increments(costs, gains)
    assert spent <= budget + 1e-6
    assert best - missed - 1e-6 <= gained <= best + 1e-6
    assert most_possible(ladder, budget) >= best - 1e-6


@given(offers())
@settings(max_examples=100, deadline=None)
def test_where_all_actions_cost_the_same_ours_is_the_optimum(case: tuple[np.ndarray, np.ndarray, float]) -> None:
    costs, gains, budget = case
    same = np.full(len(costs), 3.0)
    assert bought(same, gains, budget)[0] == pytest.approx(optimum(same, gains, budget))


@given(offers(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_whether_a_customers_first_step_is_bought_does_not_depend_on_the_own_draw(
    case: tuple[np.ndarray, np.ndarray, float], luck: Random
) -> None:
    costs, gains, budget = case
    ladder = increments(costs, gains)
    treated = np.array([luck.random() < 0.5 for _ in gains])
    taken = affordable(ladder, treated, budget)
    for row in range(len(gains)):
        other = treated.copy()
        other[row] = not other[row]
        own = (ladder.row == row) & ladder.first
        assert (affordable(ladder, other, budget)[own] == taken[own]).all()


def test_a_dearer_action_is_bought_where_the_money_reaches() -> None:
    costs, gains = np.array([1.0, 10.0]), np.array([[5.0, 8.0], [2.0, np.nan]])
    everybody = np.ones(2, dtype=bool)
    ladder = increments(costs, gains)
    assert ladder.option.tolist() == [0, 0, 1]
    assert affordable(ladder, everybody, 2.0).tolist() == [True, True, False]
    assert affordable(ladder, everybody, 11.0).tolist() == [True, True, True]
    assert affordable(ladder, np.array([False, True]), 10.0).tolist() == [True, True, False]  # as if it were treated
    assert affordable(ladder, np.array([True, False]), 10.0).tolist() == [True, True, True]


def test_proportional_actions_stay_within_the_budget() -> None:
    costs, gains = np.array([1.1, 3.3]), np.array([[0.1, 0.3]] * 5)
    ladder = increments(costs, gains)
    assert ladder.option.tolist() == [1] * 5
    assert ladder.cost[affordable(ladder, np.ones(5, dtype=bool), 9.0)].sum() <= 9.0


def test_who_must_be_answered_is_whatever_it_gains() -> None:
    ladder = forced_increments(np.array([1.0, 5.0]), np.array([[-0.5, -4.0], [np.nan, np.nan], [1.0, 2.0]]))
    assert ladder.row.tolist() == [2, 0]
    assert ladder.gain.tolist() == [2.0, -0.5]
    assert len(forced_increments(np.zeros(0), np.zeros((2, 0)))) == 0
    assert len(increments(np.zeros(0), np.zeros((2, 0)))) == 0
