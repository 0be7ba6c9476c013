"""What each budget is expected to bring: expected profit against money spent, and the most profitable budget."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from features.frames.arrays import Array
from serving.targeting.expected_gain import SAVED_VALUE
from serving.targeting.knapsack import Increments

MAX_POINTS = 100
DECIMALS = 4


@dataclass(frozen=True)
class ProfitCurve:
    """Points by rising budget, starting at 0: money spent, customers contacted, customers saved and profit, both expected.

    `best_budget` is the budget beyond which the next increment costs more than it brings.
    """

    spent: list[float]
    contacts: list[int]
    saved: list[float]
    profit: list[float]
    best_budget: float

    def at(self, budget: float) -> tuple[float, float, float, float]:
        """Return spent, contacts, saved and profit at a budget, interpolated linearly between points."""
        spent = min(max(budget, 0.0), self.spent[-1])
        contacts, saved, profit = (
            float(np.interp(spent, self.spent, values)) for values in (self.contacts, self.saved, self.profit)
        )
        return spent, contacts, saved, profit

    def as_dict(self) -> dict[str, Any]:
        """Return the points as data for JSON."""
        return asdict(self)


def profit_curve(frame: pl.DataFrame, increments: Increments) -> ProfitCurve:
    """Return the curve over the increments of treated customers, in their order; at most MAX_POINTS points and the best one.

    `frame` is the plan's frame, whose rows `increments.row` refers to.
    """
    is_treated = (frame["arm"] == "treated").to_numpy()
    treated = increments.subset(is_treated[increments.row])
    spent, contacts, saved, profit = (
        np.concatenate([[0], np.cumsum(values)])
        for values in (treated.cost, treated.is_first, _saved_customers(frame, treated), treated.gain)
    )
    best = int(np.argmax(profit))
    points = _point_indices(len(treated), best)
    return ProfitCurve(
        spent=_rounded(spent[points]),
        contacts=[int(count) for count in contacts[points]],
        saved=_rounded(saved[points]),
        profit=_rounded(profit[points]),
        best_budget=float(spent[best]),
    )


def _rounded(values: Array) -> list[float]:
    return [round(float(value), DECIMALS) for value in values]


def _saved_customers(frame: pl.DataFrame, increments: Increments) -> Array:
    """Return by how much each increment lowers the expected number of leavers: its benefit over the value of a saved customer."""
    saved_value = frame[SAVED_VALUE].to_numpy()[increments.row]
    benefit = increments.gain + increments.cost
    saved: Array = np.divide(benefit, saved_value, out=np.zeros(len(benefit)), where=saved_value > 0)
    return saved


def _point_indices(increments: int, best: int) -> np.ndarray:
    """Return evenly spaced indices from 0 to `increments`, and the best one."""
    evenly = np.linspace(0, increments, min(MAX_POINTS, increments + 1)).round().astype(int)
    return np.unique(np.append(evenly, best))
