"""A blend: the weighted mean of several churn models' log-odds, with weights fitted on the newest closed window."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from scipy.optimize import Bounds, LinearConstraint, minimize
from scipy.special import expit

from features.frames.arrays import Array
from models.btyd.seasonal_level import churn_offset
from models.churn.protocol import Candidate, ChurnModel
from models.errors import TooLittleDataError
from models.files import CHURN_FILE, read_json, write_json
from models.log_odds import log_odds
from models.snapshot import Snapshot
from models.trees.boosting import churn_labels
from models.trees.training import split_in_time

NAME = "blend"
PRIOR_STRENGTH = 20.0  # penalty in log-loss, summed over rows, per squared distance of the weights from the first member alone


@dataclass(frozen=True)
class BlendChurn:
    """Models and their weights, which sum to 1."""

    members: tuple[ChurnModel, ...]
    weights: tuple[float, ...]
    name: str = NAME

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        """Return the probability at the weighted mean of the log-odds."""
        odds = [log_odds(member.p_churn(frame).to_numpy()) for member in self.members]
        return pl.Series("p_churn", expit(_weighted_mean(odds, self.weights)))

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the weighted mean of the members' contributions by family; a family that a member lacks counts as 0."""
        weighted = [member.contributions(frame) * weight for member, weight in zip(self.members, self.weights, strict=True)]
        families = dict.fromkeys(family for contributions in weighted for family in contributions.columns)
        return pl.DataFrame({family: _sum_column(weighted, family) for family in families})

    def save(self, folder: Path) -> None:
        """Write the weights, and each member into its own folder."""
        weights = {member.name: weight for member, weight in zip(self.members, self.weights, strict=True)}
        write_json(folder / CHURN_FILE, {"name": NAME, "weights": weights})
        for member in self.members:
            (folder / member.name).mkdir(exist_ok=True)
            member.save(folder / member.name)


@dataclass(frozen=True)
class BlendCandidate:
    """Fits the members twice: without the newest closed window, to fit their weights on it, and with it."""

    members: tuple[Candidate, ...]
    name: str = NAME

    def fit(self, snapshots: list[Snapshot], current: pl.DataFrame) -> BlendChurn:
        """Return the blend; all weight is on the first member if any member cannot be fitted before the newest window.

        A member without enough data is left out. Raises TooLittleDataError where the first member does.
        """
        models = [self.members[0].fit(snapshots, current)]
        models += [model for member in self.members[1:] if (model := _fit_or_none(member, snapshots, current)) is not None]
        names = {model.name for model in models}
        weights = self._fit_weights(snapshots, [member for member in self.members if member.name in names])
        return BlendChurn(tuple(models), weights)

    def load(self, folder: Path) -> BlendChurn:
        """Read a model that `BlendChurn.save` wrote."""
        weights: dict[str, float] = read_json(folder / CHURN_FILE)["weights"]
        members = (member for member in self.members if member.name in weights)
        return BlendChurn(tuple(member.load(folder / member.name) for member in members), tuple(weights.values()))

    def _fit_weights(self, snapshots: list[Snapshot], members: list[Candidate]) -> tuple[float, ...]:
        earlier, newest = split_in_time(snapshots)
        models = [_fit_or_none(member, earlier, newest.features) for member in members]
        odds = [log_odds(model.p_churn(newest.features).to_numpy()) for model in models if model is not None]
        if len(odds) < len(members):
            return (1.0, *(0.0 for _ in members[1:]))
        return fit_weights(odds, churn_labels(newest.frame))


def _fit_or_none(member: Candidate, snapshots: list[Snapshot], current: pl.DataFrame) -> ChurnModel | None:
    try:
        return member.fit(snapshots, current)
    except TooLittleDataError:
        return None


def fit_weights(odds: Sequence[Array], outcome: Array) -> tuple[float, ...]:
    """Return weights >= 0 that sum to 1 and minimise the log-loss of the blend, without the offset of this window.

    A penalty shrinks the weights towards the first member alone.
    """
    first_only = np.eye(len(odds))[0]

    def loss(weights: Array) -> float:
        mean = _weighted_mean(odds, tuple(weights))
        shifted = mean + churn_offset(expit(mean), outcome)
        distance = weights - first_only
        return float(np.sum(np.logaddexp(0, shifted) - outcome * shifted) + PRIOR_STRENGTH * distance @ distance) / len(outcome)

    start, sum_to_one = np.full(len(odds), 1 / len(odds)), LinearConstraint(np.ones(len(odds)), 1, 1)
    solution = minimize(loss, start, method="SLSQP", bounds=Bounds(0, 1), constraints=sum_to_one).x
    clipped = np.clip(solution, 0, None)
    return tuple((clipped / clipped.sum()).tolist())


def _weighted_mean(odds: Sequence[Array], weights: Sequence[float]) -> Array:
    mean: Array = np.sum([weight * member for weight, member in zip(weights, odds, strict=True)], axis=0)
    return mean


def _sum_column(frames: list[pl.DataFrame], column: str) -> Array:
    total: Array = np.sum([frame[column].to_numpy() for frame in frames if column in frame.columns], axis=0)
    return total
