"""How trees are learned: from which rows and with what weights, how many, and each lesson once."""

from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from dataclasses import dataclass as plain
from datetime import date
from operator import is_
from typing import Annotated, Any

import lightgbm as lgb
import numpy as np
import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from features.frames.columns import CUSTOMER
from models.log_odds import Array
from models.snapshot import Snapshot

MAX_ROWS = 150_000
ROUNDS, MIN_ROUNDS, MAX_ROUNDS, PATIENCE = 120, 100, 600, 50
YEAR, SEASON_FROM, SEASON_ALL, SEASON_SURE = 365.25, 270, 360, 0.9
SEED = 7
FIXED: dict[str, Any] = {
    "bagging_freq": 1,
    "seed": SEED,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TreeParams:
    """What can be tuned of the trees, under LightGBM's own names; the defaults hold for logs of a few thousand customers up."""

    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.02
    num_leaves: Annotated[int, Field(ge=2, le=1024)] = 7
    min_data_in_leaf: Annotated[int, Field(ge=1)] = 60
    feature_fraction: Annotated[float, Field(gt=0, le=1)] = 0.3
    bagging_fraction: Annotated[float, Field(gt=0, le=1)] = 0.8
    lambda_l2: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 20.0

    def parameters(self, **objective: Any) -> dict[str, Any]:  # noqa: ANN401  # LightGBM's own parameters
        """Return the parameters of a training with this objective."""
        return FIXED | asdict(self) | objective


def season_weights(frames: list[pl.DataFrame], day: date) -> Array:
    """Return a weight per row: windows of the season that begins on `day` count for more, up to nineteen times as much.

    1 + g cos(2 pi years apart), with g from 0 for a log in which the oldest window is nine months old, to .9 at a year.
    """
    days = [(day - frame["as_of"][0]).days for frame in frames]
    known = SEASON_SURE * float(np.clip((max(days) - SEASON_FROM) / (SEASON_ALL - SEASON_FROM), 0, 1))
    weights = [1 + known * np.cos(2 * np.pi * apart / YEAR) for apart in days]
    return np.repeat(weights, [frame.height for frame in frames])


def as_of(current: pl.DataFrame) -> date:
    """Return the day that a frame of features is as of."""
    day: date = current["as_of"][0]
    return day


Rows = Callable[[list[pl.DataFrame], date], lgb.Dataset | None]


def train_booster(
    parameters: dict[str, Any], rows: Rows, snapshots: list[Snapshot], day: date, fewest: int = MIN_ROUNDS
) -> tuple[lgb.Booster, lgb.Booster]:
    """Return trees of the whole history, for what comes after `day`, and trees that have not seen its newest window.

    `rows` makes a data set of some frames for a day to foretell, None of too few. There are as many trees, between `fewest`
    and 600, as foretell the newest window best from those closed before it began: much data carries many, little only a
    few; the search ends where fifty more have not helped. Where nothing was closed before, there are 120, and both are one.
    """
    lesson = _Lesson(parameters, rows, tuple(snapshots), day, fewest)
    known = next((found for asked, found in LEARNED if asked.same(lesson)), None)
    if known is None:
        known = _learned(lesson)
        LEARNED.append((lesson, known))
    return known


@plain(frozen=True)
class _Lesson:
    """What trees are to be learned from: the same lesson gives the same trees."""

    parameters: dict[str, Any]
    rows: Rows
    snapshots: tuple[Snapshot, ...]
    day: date
    fewest: int

    def same(self, other: "_Lesson") -> bool:
        """Whether everything is equal, and the snapshots are the very same."""
        if len(self.snapshots) != len(other.snapshots) or not all(map(is_, self.snapshots, other.snapshots)):
            return False
        told = ((lesson.parameters, lesson.rows, lesson.day, lesson.fewest) for lesson in (self, other))
        return next(told) == next(told)


# Several candidates build on the same trees (value and blend on the churn hybrid's); the last few need not be learned again.
LEARNED: deque[tuple[_Lesson, tuple[lgb.Booster, lgb.Booster]]] = deque(maxlen=8)


def _learned(lesson: _Lesson) -> tuple[lgb.Booster, lgb.Booster]:
    earlier, newest = split_in_time(list(lesson.snapshots))
    before = lesson.rows(sampled(earlier), newest.as_of) if earlier else None
    later, every = lesson.rows(sampled([newest]), newest.as_of), lesson.rows(sampled(list(lesson.snapshots)), lesson.day)
    if before is None or later is None:
        booster = _trained(lesson.parameters, every, ROUNDS)
        return booster, booster
    stop = lgb.early_stopping(PATIENCE, verbose=False)
    found = lgb.train(lesson.parameters, before, num_boost_round=MAX_ROUNDS, valid_sets=[later], callbacks=[stop])
    return _trained(lesson.parameters, every, max(found.best_iteration, lesson.fewest)), found


def _trained(parameters: dict[str, Any], rows: lgb.Dataset | None, rounds: int) -> lgb.Booster:
    assert rows is not None, "a candidate refuses too little before it learns"  # noqa: S101  # for the type checker
    return lgb.train(parameters, rows, num_boost_round=rounds)


def split_in_time(snapshots: list[Snapshot]) -> tuple[list[Snapshot], Snapshot]:
    """Return the snapshots closed before the newest began, maybe none, and the newest."""
    newest = snapshots[-1]
    return [snapshot for snapshot in snapshots if snapshot.closed_on <= newest.as_of], newest


def sampled(snapshots: list[Snapshot]) -> list[pl.DataFrame]:
    """Return the frames of the snapshots; beyond 150,000 rows those of fewer customers, chosen by a hash of their id.

    Learning from more takes longer and hardly changes what is learned. A customer is in all of them or in none.
    """
    rows = sum(snapshot.frame.height for snapshot in snapshots)
    if rows <= MAX_ROWS:
        return [snapshot.frame for snapshot in snapshots]
    kept = (pl.col(CUSTOMER).hash(seed=SEED) % rows) < MAX_ROWS
    frames = (snapshot.frame.filter(kept) for snapshot in snapshots)
    return [frame for frame in frames if frame.height]
