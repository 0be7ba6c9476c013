"""A blend: the weighted mean of the log-odds of several churn models, weights as they foretold the newest closed window best."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from scipy.optimize import Bounds, LinearConstraint, minimize
from scipy.special import expit

from models.btyd.seasonal_level import churn_offset
from models.churn.protocol import Candidate, ChurnModel
from models.errors import TooLittleDataError
from models.files import FILE, read_json, write_json
from models.log_odds import Array, log_odds
from models.snapshot import Snapshot
from models.trees.boosting import churned
from models.trees.training import split_in_time

NAME = "blend"
PRIOR = 20.0  # of log-loss, in rows, for a weight that is wholly away from that of the first member alone


@dataclass(frozen=True)
class BlendChurn:
    """Models and their weights, which sum to 1."""

    members: tuple[ChurnModel, ...]
    weights: tuple[float, ...]
    name: str = NAME

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        """Return the probability at the weighted mean of the log-odds."""
        odds = [log_odds(member.p_churn(frame).to_numpy()) for member in self.members]
        return pl.Series("p_churn", expit(_mean(odds, self.weights)))

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the weighted mean of the members' contributions by family; a family that one does not know counts as 0."""
        told = [member.contributions(frame) * weight for member, weight in zip(self.members, self.weights, strict=True)]
        families = dict.fromkeys(family for each in told for family in each.columns)
        return pl.DataFrame({family: _sum([each[family] for each in told if family in each.columns]) for family in families})

    def save(self, folder: Path) -> None:
        """Write the weights, and each member into a folder of its own."""
        weights = {member.name: weight for member, weight in zip(self.members, self.weights, strict=True)}
        write_json(folder / FILE, {"name": NAME, "weights": weights})
        for member in self.members:
            (folder / member.name).mkdir(exist_ok=True)
            member.save(folder / member.name)


@dataclass(frozen=True)
class BlendCandidate:
    """Fits the members twice: without the newest closed window, to weigh them by it, and with it."""

    members: tuple[Candidate, ...]
    name: str = NAME

    def fit(self, snapshots: list[Snapshot], current: pl.DataFrame) -> BlendChurn:
        """Return the blend; the first member alone where the others can learn nothing before the newest window.

        A member that finds too little data takes no part. Raises TooLittleData where the first one does.
        """
        models = [self.members[0].fit(snapshots, current)]
        models += [model for member in self.members[1:] if (model := _fitted(member, snapshots, current)) is not None]
        named = {model.name for model in models}
        return BlendChurn(tuple(models), self._weights(snapshots, [m for m in self.members if m.name in named]))

    def load(self, folder: Path) -> BlendChurn:
        """Read what the model's `save` wrote."""
        weights: dict[str, float] = read_json(folder / FILE)["weights"]
        members = (member for member in self.members if member.name in weights)
        return BlendChurn(tuple(member.load(folder / member.name) for member in members), tuple(weights.values()))

    def _weights(self, snapshots: list[Snapshot], members: list[Candidate]) -> tuple[float, ...]:
        earlier, newest = split_in_time(snapshots)
        before = [_fitted(member, earlier, newest.asked) for member in members]
        odds = [log_odds(model.p_churn(newest.asked).to_numpy()) for model in before if model is not None]
        if len(odds) < len(members):
            return (1.0, *(0.0 for _ in members[1:]))
        return weighed(odds, churned(newest.frame))


def _fitted(member: Candidate, snapshots: list[Snapshot], current: pl.DataFrame) -> ChurnModel | None:
    try:
        return member.fit(snapshots, current)
    except TooLittleDataError:
        return None


def weighed(odds: Sequence[Array], outcome: Array) -> tuple[float, ...]:
    """Return weights >= 0 that sum to 1, by log-loss of a window whose level is taken out; they lean towards the first."""
    first = np.eye(len(odds))[0]

    def loss(weights: Array) -> float:
        mean = _mean(odds, tuple(weights))
        line = mean + churn_offset(expit(mean), outcome)
        drift = weights - first
        return float(np.sum(np.logaddexp(0, line) - outcome * line) + PRIOR * drift @ drift) / len(outcome)

    start, whole = np.full(len(odds), 1 / len(odds)), LinearConstraint(np.ones(len(odds)), 1, 1)
    found = minimize(loss, start, method="SLSQP", bounds=Bounds(0, 1), constraints=whole).x
    kept = np.clip(found, 0, None)
    return tuple((kept / kept.sum()).tolist())


def _mean(odds: Sequence[Array], weights: Sequence[float]) -> Array:
    mean: Array = np.sum([weight * each for weight, each in zip(weights, odds, strict=True)], axis=0)
    return mean


def _sum(columns: list[pl.Series]) -> Array:
    total: Array = np.sum([column.to_numpy() for column in columns], axis=0)
    return total
