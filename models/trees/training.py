"""Training of boosters: which rows they learn from, with what weights, and how many trees."""

from collections.abc import Callable
from dataclasses import asdict
from dataclasses import dataclass as plain_dataclass
from datetime import date
from operator import is_
from typing import Annotated, Any

import lightgbm as lgb
import numpy as np
import polars as pl
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from features.frames.arrays import Array
from features.frames.columns import CUSTOMER
from models.snapshot import Snapshot
from models.trees.boosting import THREADS_PER_CALL

MAX_ROWS = 150_000
DEFAULT_ROUNDS, MIN_ROUNDS, MAX_ROUNDS, EARLY_STOPPING_ROUNDS = 120, 100, 600, 50
DAYS_PER_YEAR, SEASONAL_FROM_DAYS, SEASONAL_FULL_DAYS, MAX_SEASONAL_AMPLITUDE = 365.25, 270, 360, 0.9
SEED = 7
# One thread per booster, and independent boosters side by side (`models/threads.py`): on the few features and leaves used here,
# two threads of one booster mostly wait for each other. Histograms by column take the least time on one thread.
FIXED_PARAMETERS: dict[str, Any] = {
    "bagging_freq": 1,
    "deterministic": True,
    "force_col_wise": True,
    "num_threads": THREADS_PER_CALL,
    "verbosity": -1,
}


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TreeParams:
    """The tunable parameters, under LightGBM's names; the defaults suit logs of a few thousand customers or more."""

    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.02
    num_leaves: Annotated[int, Field(ge=2, le=1024)] = 7
    min_data_in_leaf: Annotated[int, Field(ge=1)] = 60
    feature_fraction: Annotated[float, Field(gt=0, le=1)] = 0.3
    bagging_fraction: Annotated[float, Field(gt=0, le=1)] = 0.8
    lambda_l2: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 20.0
    seed: Annotated[int, Field(ge=0, lt=2**31)] = SEED

    def parameters(self, **objective: Any) -> dict[str, Any]:  # noqa: ANN401  # LightGBM's own parameters
        """Return LightGBM's parameters for this objective."""
        return FIXED_PARAMETERS | asdict(self) | objective


def season_weights(frames: list[pl.DataFrame], day: date) -> Array:
    """Return a weight per row: windows of the season that starts on `day` weigh more, up to nineteen times as much.

    The weight is 1 + g cos(2 pi t), t the years between a window and `day`. g depends on the age of the oldest window: 0 up to
    270 days, then linear up to 0.9 at 360 days.
    """
    ages = [(day - frame["as_of"][0]).days for frame in frames]
    seasonality = float(np.clip((max(ages) - SEASONAL_FROM_DAYS) / (SEASONAL_FULL_DAYS - SEASONAL_FROM_DAYS), 0, 1))
    amplitude = MAX_SEASONAL_AMPLITUDE * seasonality
    weights = [1 + amplitude * np.cos(2 * np.pi * age / DAYS_PER_YEAR) for age in ages]
    return np.repeat(weights, [frame.height for frame in frames])


def as_of_date(frame: pl.DataFrame) -> date:
    """Return the as-of date of a frame of features."""
    day: date = frame["as_of"][0]
    return day


# Builds a data set from the frames of windows, to predict the window that starts on the date; None of too few rows.
DatasetBuilder = Callable[[list[pl.DataFrame], date], lgb.Dataset | None]


@plain_dataclass(frozen=True)
class BoosterSpec:
    """Everything that determines the trained trees: equal specifications give equal trees.

    `day` starts the window to predict; the final trees number at least `min_rounds`.
    """

    parameters: dict[str, Any]
    build_dataset: DatasetBuilder
    snapshots: tuple[Snapshot, ...]
    day: date
    min_rounds: int = MIN_ROUNDS

    def matches(self, other: "BoosterSpec") -> bool:
        """Whether both are equal; snapshots are compared by identity, because comparing their frames takes long."""
        if len(self.snapshots) != len(other.snapshots) or not all(map(is_, self.snapshots, other.snapshots)):
            return False
        own, others = ((spec.parameters, spec.build_dataset, spec.day, spec.min_rounds) for spec in (self, other))
        return own == others


def train_boosters(spec: BoosterSpec) -> tuple[lgb.Booster, lgb.Booster]:
    """Return trees trained on all snapshots, and trees that have not seen the newest one.

    The second are trained on the snapshots closed before the newest began, and stop early by their loss on it: after fifty
    rounds without improvement, or at 600. Their best number of trees, but at least `min_rounds`, is that of the first. If no
    snapshot was closed before the newest, or either part is too small, the number is 120 and both are the same booster.
    """
    earlier, newest = split_in_time(list(spec.snapshots))
    training = spec.build_dataset(sample_frames(earlier), newest.as_of) if earlier else None
    validation = spec.build_dataset(sample_frames([newest]), newest.as_of)
    full = spec.build_dataset(sample_frames(list(spec.snapshots)), spec.day)
    if training is None or validation is None:
        booster = _train(spec.parameters, full, DEFAULT_ROUNDS)
        return booster, booster
    early_stopping = lgb.early_stopping(EARLY_STOPPING_ROUNDS, verbose=False)
    validated = lgb.train(
        spec.parameters, training, num_boost_round=MAX_ROUNDS, valid_sets=[validation], callbacks=[early_stopping]
    )
    return _train(spec.parameters, full, max(validated.best_iteration, spec.min_rounds)), validated


def _train(parameters: dict[str, Any], dataset: lgb.Dataset | None, rounds: int) -> lgb.Booster:
    assert dataset is not None, "a candidate refuses too little data before it trains"  # noqa: S101  # for the type checker
    return lgb.train(parameters, dataset, num_boost_round=rounds)


def split_in_time(snapshots: list[Snapshot]) -> tuple[list[Snapshot], Snapshot]:
    """Return the snapshots closed before the newest began, possibly none, and the newest."""
    newest = snapshots[-1]
    return [snapshot for snapshot in snapshots if snapshot.closed_on <= newest.as_of], newest


def sample_frames(snapshots: list[Snapshot]) -> list[pl.DataFrame]:
    """Return the frames of the snapshots; beyond 150,000 rows a sample of customers, chosen by a hash of their id.

    More rows take longer and hardly change the model. A sampled customer keeps all rows.
    """
    rows = sum(snapshot.frame.height for snapshot in snapshots)
    if rows <= MAX_ROWS:
        return [snapshot.frame for snapshot in snapshots]
    is_sampled = (pl.col(CUSTOMER).hash(seed=SEED) % rows) < MAX_ROWS
    frames = (snapshot.frame.filter(is_sampled) for snapshot in snapshots)
    return [frame for frame in frames if frame.height]
