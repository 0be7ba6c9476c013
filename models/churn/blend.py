"""A blend: the weighted mean of several churn models' log-odds, with weights from past windows that no member had seen.

The weights are about who is more likely to churn than others, so each window's own offset is removed before they are fitted: how
many churn is decided by the order model and the predicted offset, as in the hybrid.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from scipy.optimize import Bounds, LinearConstraint, minimize
from scipy.special import expit

from features.frames.arrays import Array
from models.btyd.seasonal_level import churn_offset
from models.churn.fit_cache import FITS
from models.churn.protocol import Candidate, ChurnModel
from models.errors import TooLittleDataError
from models.files import CHURN_FILE, read_json, write_json
from models.log_odds import log_odds
from models.snapshot import DECAY, MAX_WINDOWS, Snapshot, windows_apart
from models.trees.boosting import churn_labels

NAME = "blend"
PRIOR_STRENGTH = 20.0  # penalty in log-loss, summed over rows, per squared distance of the weights from the assumed ones
MAX_WINDOW_ROWS = 1_000  # a window counts as at most so many rows: windows differ by more than their customers' chances do
MIN_WEIGHT = 0.01  # members with less are left out


@dataclass(frozen=True)
class Member:
    """A candidate, and the weight it is assumed to have before any past window says otherwise."""

    candidate: Candidate
    assumed_weight: float


@dataclass(frozen=True)
class PastWindow:
    """Log-odds of a past window's customers, a line per member, NaN for members without a fit then; and what happened.

    `importance` is the weight of each row.
    """

    odds: Array
    churned: Array
    importance: float


@dataclass(frozen=True)
class BlendChurn:
    """Models and their weights, which sum to 1; `intercept` is added to the mean of their log-odds."""

    members: tuple[ChurnModel, ...]
    weights: tuple[float, ...]
    intercept: float = 0.0
    name: str = NAME

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        """Return the probability at the weighted mean of the log-odds."""
        odds = [log_odds(member.p_churn(frame).to_numpy()) for member in self.members]
        return pl.Series("p_churn", expit(_weighted_mean(odds, self.weights) + self.intercept))

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the weighted mean of the members' contributions by family; a family that a member lacks counts as 0."""
        weighted = [member.contributions(frame) * weight for member, weight in zip(self.members, self.weights, strict=True)]
        families = dict.fromkeys(family for contributions in weighted for family in contributions.columns)
        return pl.DataFrame({family: _sum_column(weighted, family) for family in families})

    def save(self, folder: Path) -> None:
        """Write the weights and the intercept, and each member into its own folder."""
        weights = {member.name: weight for member, weight in zip(self.members, self.weights, strict=True)}
        write_json(folder / CHURN_FILE, {"name": NAME, "weights": weights, "intercept": self.intercept})
        for member in self.members:
            (folder / member.name).mkdir(exist_ok=True)
            member.save(folder / member.name)


@dataclass(frozen=True)
class BlendCandidate:
    """Evaluates the members on up to four past windows, each fitted on what was closed before, and weights them by that."""

    members: tuple[Member, ...]
    name: str = NAME

    def fit(self, snapshots: list[Snapshot], current: pl.DataFrame) -> BlendChurn:
        """Return the blend of the members that can be fitted. Raises TooLittleDataError where fewer than two can."""
        fits = [(member, model) for member in self.members if (model := _fit_or_none(member, snapshots, current)) is not None]
        if len(fits) < 2:  # noqa: PLR2004  # one model is no blend
            raise TooLittleDataError("A blend needs two models that can be fitted; the log is too short for them.")
        members = [member for member, _ in fits]
        windows = past_windows(snapshots, members)
        assumed = np.array([member.assumed_weight for member in members])
        weights = fit_weights(windows, assumed / assumed.sum())
        weights = np.where(weights < MIN_WEIGHT, 0.0, weights)
        weights = weights / weights.sum()
        used = [(model, float(weight)) for (_, model), weight in zip(fits, weights, strict=True) if weight]
        models, kept = zip(*used, strict=True)
        return _with_level(BlendChurn(models, kept), current)

    def load(self, folder: Path) -> BlendChurn:
        """Read a model that `BlendChurn.save` wrote."""
        data = read_json(folder / CHURN_FILE)
        weights: dict[str, float] = data["weights"]
        loaded = {
            member.candidate.name: member.candidate.load(folder / member.candidate.name)
            for member in self.members
            if member.candidate.name in weights
        }
        return BlendChurn(tuple(loaded[name] for name in weights), tuple(weights.values()), data.get("intercept", 0.0))


def past_windows(snapshots: list[Snapshot], members: Sequence[Member]) -> list[PastWindow]:
    """Return the predictions for up to four past windows, newest first, each from members fitted on what was closed before."""
    windows = []
    for age, window in enumerate(reversed(windows_apart(snapshots, MAX_WINDOWS))):
        closed = [snapshot for snapshot in snapshots if snapshot.closed_on <= window.as_of]
        features = window.features
        odds = [_predict_or_nan(member, closed, features) for member in members]
        if closed and not all(np.isnan(line[:1]).all() for line in odds):
            importance = DECAY**age * min(1.0, MAX_WINDOW_ROWS / features.height)
            windows.append(PastWindow(np.array(odds), churn_labels(window.frame), importance))
    return windows


def _predict_or_nan(member: Member, closed: list[Snapshot], features: pl.DataFrame) -> Array:
    model = _fit_or_none(member, closed, features)
    return np.full(features.height, np.nan) if model is None else log_odds(model.p_churn(features).to_numpy())


def _fit_or_none(member: Member, snapshots: list[Snapshot], current: pl.DataFrame) -> ChurnModel | None:
    try:
        return FITS.fit(member.candidate, snapshots, current)
    except TooLittleDataError:
        return None


def fit_weights(windows: Sequence[PastWindow], assumed: Array) -> Array:
    """Return weights >= 0 that sum to 1 and minimise the log-loss over the windows; newer windows count more.

    A penalty shrinks the weights towards the assumed ones. In a window without a fit of some members, the others share their
    weight in proportion.
    """
    if not windows:
        return assumed
    rows = sum(window.importance * len(window.churned) for window in windows)

    def loss(weights: Array) -> float:
        losses = (window.importance * _shape_loss(blend_odds(window, weights), window.churned) for window in windows)
        distance = weights - assumed
        return (sum(losses) + PRIOR_STRENGTH * float(distance @ distance)) / rows

    sum_to_one = LinearConstraint(np.ones(len(assumed)), 1, 1)
    solution = minimize(loss, assumed, method="SLSQP", bounds=Bounds(0, 1), constraints=sum_to_one).x
    clipped = np.clip(solution, 0, None)
    weights: Array = clipped / clipped.sum()
    return weights


def _with_level(blend: BlendChurn, current: pl.DataFrame) -> BlendChurn:
    """Return the blend with as many expected churners, over the current customers, as by the order model and the offset."""
    expected = expit(log_odds(current["btyd_p_no_order"].to_numpy()) + current["btyd_churn_level"].to_numpy())
    return replace(blend, intercept=churn_offset(blend.p_churn(current).to_numpy(), expected))


def blend_odds(window: PastWindow, weights: Array) -> Array:
    """Return the weighted mean of the log-odds of the members that had a fit."""
    present = ~np.isnan(window.odds[:, 0])
    available = weights[present] + 1e-9  # where those present have no weight, they share it
    odds: Array = available @ window.odds[present] / available.sum()
    return odds


def _shape_loss(odds: Array, churned: Array) -> float:
    shifted = odds + churn_offset(expit(odds), churned)
    return float(np.sum(np.logaddexp(0, shifted) - churned * shifted))


def _weighted_mean(odds: Sequence[Array], weights: Sequence[float]) -> Array:
    mean: Array = np.sum([weight * member for weight, member in zip(weights, odds, strict=True)], axis=0)
    return mean


def _sum_column(frames: list[pl.DataFrame], column: str) -> Array:
    total: Array = np.sum([frame[column].to_numpy() for frame in frames if column in frame.columns], axis=0)
    return total
