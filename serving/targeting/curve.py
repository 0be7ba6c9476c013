"""What each budget is expected to bring: expected profit against money spent, and the most profitable budget."""

from collections.abc import Sequence
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

    `best_budget` is the cheapest of the budgets with the largest profit; increments beyond it cost more than they bring. At the
    last point there are none. `profit_low` and `profit_high` are the profit at either end of the effects that trials measured;
    None without a trial, and in curves of earlier versions.
    """

    spent: list[float]
    contacts: list[int]
    saved: list[float]
    profit: list[float]
    best_budget: float
    profit_low: list[float] | None = None
    profit_high: list[float] | None = None

    def at(self, budget: float) -> tuple[float, float, float, float]:
        """Return spent, contacts, saved and profit at a budget, interpolated linearly between points."""
        spent = min(max(budget, 0.0), self.spent[-1])
        contacts, saved, profit = (
            float(np.interp(spent, self.spent, values)) for values in (self.contacts, self.saved, self.profit)
        )
        return spent, contacts, saved, profit

    def range_at(self, budget: float) -> tuple[float, float] | None:
        """Return the profit at a budget for either end of the measured effects; None where no trial measured one."""
        if self.profit_low is None or self.profit_high is None:
            return None
        spent = min(max(budget, 0.0), self.spent[-1])
        low, high = (float(np.interp(spent, self.spent, values)) for values in (self.profit_low, self.profit_high))
        return min(low, high), max(low, high)

    def as_dict(self) -> dict[str, Any]:
        """Return the points as data for JSON."""
        return asdict(self)


def profit_curve(frame: pl.DataFrame, increments: Increments, bound_gains: Sequence[Array] = ()) -> ProfitCurve:
    """Return the curve over the increments of treated customers, in their order; at most MAX_POINTS points and the best one.

    `frame` is the plan's frame, whose rows `increments.row` refers to. `bound_gains` has the gain of each action in each row, of
    shape (rows, actions), at the low and the high end of the measured effects; empty where no trial measured one.
    """
    is_treated = (frame["arm"] == "treated").to_numpy()
    treated = increments.subset(is_treated[increments.row])
    spent, contacts, saved, profit = (
        np.concatenate([[0], np.cumsum(values)])
        for values in (treated.cost, treated.is_first, _saved_customers(frame, treated), treated.gain)
    )
    best = int(np.argmax(profit))
    points = _point_indices(len(treated), best)
    bounds = [_rounded(np.concatenate([[0], np.cumsum(_added_gains(treated, gains))])[points]) for gains in bound_gains]
    return ProfitCurve(
        spent=_rounded(spent[points]),
        contacts=[int(count) for count in contacts[points]],
        saved=_rounded(saved[points]),
        profit=_rounded(profit[points]),
        best_budget=float(spent[best]),
        **dict(zip(("profit_low", "profit_high"), bounds, strict=False)),
    )


def _added_gains(increments: Increments, gains: Array) -> Array:
    """Return what each increment adds, from the gains (rows, actions): its action's gain less that of the action before."""
    steps = pl.DataFrame({"row": increments.row, "gain": gains[increments.row, increments.option]})
    before = pl.col("gain").shift(1, fill_value=0.0).over("row")
    return steps.select(pl.col("gain") - before).to_series().to_numpy()


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
