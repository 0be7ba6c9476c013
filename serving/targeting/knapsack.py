"""What a budget buys: of each customer at most one action, for the largest gain that the money can bring.

A multiple-choice knapsack. Every customer's offers are reduced to steps from nothing to the first, from there to a dearer one,
each bringing less per unit of money than the step before (the upper hull; Sinha and Zoltners 1979,
doi:10.1287/opre.27.3.503). Taking steps by what they bring per unit solves the relaxed problem exactly; what is left out by
that order is at most the one step that the budget breaks (Dantzig 1957, doi:10.1287/opre.5.2.266), and cheaper steps behind it
fill what remains. Where all actions cost the same, it is the optimum.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.log_odds import Array

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
DIGITS = 9  # of a slope that count
FORGIVEN = 1e-6  # of the currency, to sums in floating point


@dataclass(frozen=True)
class Increments:
    """Steps in the order in which money is spent best; one entry each in every array.

    `row` is the customer, `option` the place of the action it leads to, `cost` and `gain` what it costs and gains on top of the
    step before, `first` whether it is the customer's first, `before` what the customer's steps before it cost.
    """

    row: Ints
    option: Ints
    cost: Array
    gain: Array
    first: Flags
    before: Array

    def __len__(self) -> int:
        """How many there are."""
        return len(self.row)

    def only(self, which: Flags | Ints) -> "Increments":
        """Return some of them, in the same order."""
        return Increments(
            self.row[which], self.option[which], self.cost[which], self.gain[which], self.first[which], self.before[which]
        )


def increments(costs: Array, gains: Array) -> Increments:
    """Return the steps of all customers, those that do not pay too.

    `costs` has an entry per action, >= 0; `gains`, shape (customers, actions), what each gains after its cost, NaN where the
    action is not for the customer. An action that saves nothing is no step.
    """
    benefits = np.where(np.isnan(gains), -np.inf, gains + costs)
    rows = np.arange(len(benefits))
    at_cost, at_benefit, at_slope = np.zeros(len(rows)), np.zeros(len(rows)), np.full(len(rows), np.inf)
    found: list[tuple[NDArray[Any], ...]] = []
    for turn in range(benefits.shape[1]):
        dearer, better = costs[None, :] - at_cost[rows, None], benefits[rows] - at_benefit[rows, None]
        slope = np.full(better.shape, -np.inf)
        reachable = (dearer >= 0) & (better > 0)
        np.divide(better, dearer, out=slope, where=reachable & (dearer > 0))
        slope[reachable & (dearer == 0)] = np.inf
        slope = np.minimum(np.round(slope, DIGITS), at_slope[rows, None])  # what is equal but for the last digit is one step
        best = np.lexsort((np.where(np.isfinite(better), better, 0), slope), axis=1)[:, -1]
        here = np.arange(len(rows))
        goes = np.isfinite(better[here, best]) & reachable[here, best]
        rows, best, here = rows[goes], best[goes], here[goes]
        cost, benefit = dearer[here, best], better[here, best]
        steep = slope[here, best]
        found.append((rows, best, cost, benefit - cost, np.full(len(rows), turn == 0), at_cost[rows], steep))
        at_slope[rows] = steep
        at_cost[rows] += cost
        at_benefit[rows] += benefit
    return _in_order(found)


def forced_increments(costs: Array, gains: Array) -> Increments:
    """Return one step per customer that has any action: the one that gains most, whether it pays or not."""
    rows = np.flatnonzero(~np.isnan(gains).all(axis=1)) if gains.shape[1] else np.zeros(0, dtype=np.int64)
    best = np.nanargmax(gains[rows], axis=1) if len(rows) else rows
    cost, gain = costs[best], gains[rows, best]
    slope = np.divide(gain + cost, cost, out=np.full(len(rows), np.inf), where=cost > 0)
    return _in_order([(rows, best, cost, gain, np.ones(len(rows), dtype=bool), np.zeros(len(rows)), slope)])


def _in_order(found: list[tuple[NDArray[Any], ...]]) -> Increments:
    """The steepest first; of one customer, always the earlier step."""
    if not found:
        none = np.zeros(0, dtype=np.int64)
        return Increments(none, none, none.astype(float), none.astype(float), none.astype(bool), none.astype(float))
    turn = np.repeat(np.arange(len(found)), [len(part[0]) for part in found])
    row, option, cost, gain, first, before, slope = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.lexsort((row, -gain, turn, -slope))
    row, option, first = row[order].astype(np.int64), option[order].astype(np.int64), first[order].astype(bool)
    return Increments(row, option, cost[order], gain[order], first, before[order])


def affordable(ladder: Increments, treated: Flags, budget: float) -> Flags:
    """Return which steps the budget buys; those of customers who are not `treated` cost nothing.

    Whether a customer's first step is bought never depends on whether that customer is treated, only on what was spent before
    it: so the comparison with those held out stays fair. What the treated cost together stays within the budget.
    """
    taken = np.zeros(len(ladder), dtype=bool)
    left, spent = np.arange(len(ladder)), 0.0
    skipped = np.zeros(len(treated), dtype=bool)
    while len(left):
        part = ladder.only(left)
        paid = part.cost * treated[part.row]
        before = spent + np.cumsum(paid) - paid
        own = np.where(treated[part.row], 0.0, part.before)  # as if the customer were treated
        fails = np.flatnonzero(before + own + part.cost > budget + FORGIVEN)
        stop = fails[0] if len(fails) else len(left)
        taken[left[:stop]] = True
        if stop == len(left):
            break
        spent = before[stop]
        behind = left[stop:]
        too_dear = ladder.cost[behind] >= ladder.cost[left[stop]]
        skipped[ladder.row[behind[too_dear]]] = True  # a later step of theirs rests on the one that was skipped
        left = behind[~skipped[ladder.row[behind]]]
    return taken


def most_possible(ladder: Increments, budget: float) -> float:
    """Return the gain of the relaxed problem, where a part of a step can be bought: no choice of actions gains more."""
    paying = ladder.only(ladder.gain > 0)
    before = np.cumsum(paying.cost) - paying.cost
    part = np.clip(np.divide(budget - before, paying.cost, out=np.ones(len(paying)), where=paying.cost > 0), 0, 1)
    return float((part * paying.gain).sum())
