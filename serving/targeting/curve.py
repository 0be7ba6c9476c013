"""What each budget is expected to bring: the curve of profit against money spent, and where the next unit no longer pays."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from models.log_odds import Array
from serving.targeting.knapsack import Increments

POINTS = 100


@dataclass(frozen=True)
class Curve:
    """Points of rising budget, from nothing on: money spent, customers contacted, of these expected to be kept, profit expected.

    `best_budget` is where the next step would cost more than it brings.
    """

    spent: list[float]
    contacts: list[int]
    saved: list[float]
    profit: list[float]
    best_budget: float

    def at(self, budget: float) -> tuple[float, float, float, float]:
        """Return spent, contacts, saved and profit that a budget brings; between two points, in proportion."""
        spent = min(max(budget, 0.0), self.spent[-1])
        contacts, saved, profit = (float(np.interp(spent, self.spent, each)) for each in (self.contacts, self.saved, self.profit))
        return spent, contacts, saved, profit

    def as_dict(self) -> dict[str, Any]:
        """Return it as data."""
        return asdict(self)


def curve(frame: pl.DataFrame, ladder: Increments) -> Curve:
    """Return the curve over all steps of a ladder, of the customers who are treated; at most POINTS points.

    `frame` are the plan's rows that the ladder's steps name.
    """
    treated = (frame["arm"] == "treated").to_numpy()
    mine = ladder.only(treated[ladder.row])
    saved = _saved(frame, mine)
    spent, contacts, kept, profit = (np.cumsum(each) for each in (mine.cost, mine.first, saved, mine.gain))
    best = int(np.argmax(np.concatenate([[0.0], profit])))
    places = _places(len(mine), best)
    told = (np.concatenate([[0], each])[places] for each in (spent, contacts, kept, profit))
    rounded = [[round(float(value), 4) for value in each] for each in told]
    return Curve(
        rounded[0], [int(value) for value in rounded[1]], rounded[2], rounded[3], float(np.concatenate([[0], spent])[best])
    )


def _saved(frame: pl.DataFrame, ladder: Increments) -> Array:
    """By how much each step lowers the expected number of customers who leave: what it brings, per what a kept one is worth."""
    worth = frame["saved_value"].to_numpy()[ladder.row]
    brings = ladder.gain + ladder.cost
    kept: Array = np.divide(brings, worth, out=np.zeros(len(brings)), where=worth > 0)
    return kept


def _places(steps: int, best: int) -> np.ndarray:
    """Evenly many of the places 0 to steps, the best one among them."""
    return np.unique(np.append(np.linspace(0, steps, min(POINTS, steps + 1)).round().astype(int), best))
