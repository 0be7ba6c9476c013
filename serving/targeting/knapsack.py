"""Spend a budget: choose at most one action per customer, for the largest total gain that the money can buy.

A multiple-choice knapsack. The offers to a customer are reduced to increments: from nothing to a first action, and from there to
a more expensive one, each bringing less per unit of money than the one before (the upper hull; Sinha and Zoltners 1979,
doi:10.1287/opre.27.3.503). Buying increments in order of benefit per unit of money solves the relaxed problem exactly. Against
the optimum, this order loses at most the one increment that exceeds the budget (Dantzig 1957, doi:10.1287/opre.5.2.266); cheaper
increments after it fill what remains. If all actions cost the same, the result is the optimum.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.frames.arrays import Array, BoolArray, IntArray

SLOPE_DECIMALS = 9
BUDGET_TOLERANCE = 1e-6  # in currency, for rounding errors of sums


@dataclass(frozen=True)
class Increments:
    """Increments in spending order, the best use of money first; every array has one entry per increment.

    `row` is the customer and `option` the index of the action that the increment leads to. `cost` and `gain` are what it costs
    and gains on top of the customer's increment before. `is_first` marks a customer's first increment; `cost_before` is the cost
    of the customer's increments before this one.
    """

    row: IntArray
    option: IntArray
    cost: Array
    gain: Array
    is_first: BoolArray
    cost_before: Array

    def __len__(self) -> int:
        """Return the number of increments."""
        return len(self.row)

    def subset(self, selection: BoolArray | IntArray) -> "Increments":
        """Return the selected increments, by mask or index, in the order of the selection."""
        return Increments(
            row=self.row[selection],
            option=self.option[selection],
            cost=self.cost[selection],
            gain=self.gain[selection],
            is_first=self.is_first[selection],
            cost_before=self.cost_before[selection],
        )


def build_increments(costs: Array, gains: Array) -> Increments:
    """Return the increments of all customers, including those with a loss.

    `costs` has one entry per action, each >= 0. `gains`, of shape (customers, actions), are the gains after cost, NaN where the
    action is not for the customer. An action that brings no benefit before its cost is no increment.
    """
    benefits = np.where(np.isnan(gains), -np.inf, gains + costs)
    rows = np.arange(len(benefits))
    cost_so_far, benefit_so_far, last_slope = np.zeros(len(rows)), np.zeros(len(rows)), np.full(len(rows), np.inf)
    rounds: list[tuple[NDArray[Any], ...]] = []
    for number in range(benefits.shape[1]):
        added_cost = costs[None, :] - cost_so_far[rows, None]
        added_benefit = benefits[rows] - benefit_so_far[rows, None]
        slope = np.full(added_benefit.shape, -np.inf)
        reachable = (added_cost >= 0) & (added_benefit > 0)
        np.divide(added_benefit, added_cost, out=slope, where=reachable & (added_cost > 0))
        slope[reachable & (added_cost == 0)] = np.inf
        # slopes that differ by rounding errors only belong to one increment
        slope = np.minimum(np.round(slope, SLOPE_DECIMALS), last_slope[rows, None])
        best = np.lexsort((np.where(np.isfinite(added_benefit), added_benefit, 0), slope), axis=1)[:, -1]
        index = np.arange(len(rows))
        continues = np.isfinite(added_benefit[index, best]) & reachable[index, best]
        rows, best, index = rows[continues], best[continues], index[continues]
        cost, benefit, steepest = added_cost[index, best], added_benefit[index, best], slope[index, best]
        rounds.append((rows, best, cost, benefit - cost, np.full(len(rows), number == 0), cost_so_far[rows], steepest))
        last_slope[rows] = steepest
        cost_so_far[rows] += cost
        benefit_so_far[rows] += benefit
    return _in_spending_order(rounds)


def build_forced_increments(costs: Array, gains: Array) -> Increments:
    """Return one increment for each customer with any action: the action with the largest gain, even if it is a loss."""
    rows = np.flatnonzero(~np.isnan(gains).all(axis=1)) if gains.shape[1] else np.zeros(0, dtype=np.int64)
    best = np.nanargmax(gains[rows], axis=1) if len(rows) else rows
    cost, gain = costs[best], gains[rows, best]
    slope = np.divide(gain + cost, cost, out=np.full(len(rows), np.inf), where=cost > 0)
    return _in_spending_order([(rows, best, cost, gain, np.ones(len(rows), dtype=bool), np.zeros(len(rows)), slope)])


def _in_spending_order(rounds: list[tuple[NDArray[Any], ...]]) -> Increments:
    """Sort by slope, the steepest first; a customer's increments stay in the order of their rounds."""
    if not rounds:
        none = np.zeros(0, dtype=np.int64)
        return Increments(
            row=none,
            option=none,
            cost=none.astype(float),
            gain=none.astype(float),
            is_first=none.astype(bool),
            cost_before=none.astype(float),
        )
    round_number = np.repeat(np.arange(len(rounds)), [len(columns[0]) for columns in rounds])
    row, option, cost, gain, is_first, cost_before, slope = (np.concatenate(column) for column in zip(*rounds, strict=True))
    order = np.lexsort((row, -gain, round_number, -slope))
    return Increments(
        row=row[order].astype(np.int64),
        option=option[order].astype(np.int64),
        cost=cost[order],
        gain=gain[order],
        is_first=is_first[order].astype(bool),
        cost_before=cost_before[order],
    )


def select_affordable(increments: Increments, treated: BoolArray, budget: float) -> BoolArray:
    """Return which increments the budget buys; those of customers who are not `treated` cost nothing.

    Whether a customer's first increment is bought depends on what was spent before it, and never on whether that customer is
    treated: this keeps the comparison with the control group fair. The treated customers together stay within the budget.
    """
    bought = np.zeros(len(increments), dtype=bool)
    left, spent = np.arange(len(increments)), 0.0
    is_skipped = np.zeros(len(treated), dtype=bool)
    while len(left):
        part = increments.subset(left)
        paid = part.cost * treated[part.row]
        spent_before = spent + np.cumsum(paid) - paid
        own_before = np.where(treated[part.row], 0.0, part.cost_before)  # as if the customer were treated
        too_expensive = np.flatnonzero(spent_before + own_before + part.cost > budget + BUDGET_TOLERANCE)
        stop = too_expensive[0] if len(too_expensive) else len(left)
        bought[left[:stop]] = True
        if stop == len(left):
            break
        spent = spent_before[stop]
        remaining = left[stop:]
        at_least_as_expensive = increments.cost[remaining] >= increments.cost[left[stop]]
        is_skipped[increments.row[remaining[at_least_as_expensive]]] = True  # their later increments build on the skipped one
        left = remaining[~is_skipped[increments.row[remaining]]]
    return bought


def relaxed_optimum(increments: Increments, budget: float) -> float:
    """Return the gain of the relaxed problem, which may buy parts of increments: an upper bound for any choice of actions."""
    profitable = increments.subset(increments.gain > 0)
    spent_before = np.cumsum(profitable.cost) - profitable.cost
    share = np.divide(budget - spent_before, profitable.cost, out=np.ones(len(profitable)), where=profitable.cost > 0)
    return float((np.clip(share, 0, 1) * profitable.gain).sum())
