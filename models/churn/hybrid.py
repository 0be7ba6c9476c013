"""The hybrid: BG/NBD predicts each customer's churn, trees correct it, and a seasonal offset sets the number of churners."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Self

import lightgbm as lgb
import numpy as np
import polars as pl
from scipy.optimize import minimize_scalar
from scipy.special import expit

from features.frames.arrays import Array
from models.btyd.seasonal_level import churn_offset
from models.errors import TooLittleDataError
from models.files import CHURN_FILE, read_json, write_json
from models.log_odds import log_odds
from models.snapshot import Snapshot
from models.trees.booster_cache import BoosterCache
from models.trees.boosting import (
    INPUTS,
    MIN_ROWS,
    churn_labels,
    feature_contributions,
    input_table,
    load_booster,
    raw_scores,
    refuse_too_little,
    sum_by_family,
)
from models.trees.training import BoosterSpec, TreeParams, as_of_date, sample_frames, season_weights

NAME = "hybrid"
BOOSTER = "hybrid.lgb.txt"
MIN_ROUNDS = 150
MAX_LOG_ODDS = 4.0  # on CDNOW, BG/NBD gave 68 customers a probability below 2 % of staying, and 11 stayed
SLOPE_BOUNDS, SLOPE_PRIOR_PRECISION = (-1.0, 1.0), 20.0
MIN_CONFIRMED_SLOPE = 0.5
DEFAULT_TREES = TreeParams()


@dataclass(frozen=True)
class HybridChurn:
    """Trees on top of BG/NBD's log-odds; contributions are measured from `mean_log_odds`.

    `slope` multiplies BG/NBD's log-odds: 1 where past windows confirm them, less where its ranking is worth little, and below 0
    where it is reversed. `intercept` is added to all log-odds, so that the trees leave the expected number of churners as BG/NBD
    has it.
    """

    booster: lgb.Booster
    mean_log_odds: float
    intercept: float
    inputs: tuple[str, ...] = INPUTS
    slope: float = 1.0
    name: str = NAME

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        """Return P(no order): BG/NBD's log-odds, the trees' correction for this customer, and the seasonal offset for all."""
        offset = frame["btyd_churn_level"].to_numpy()
        return pl.Series("p_churn", expit(self.log_odds_without_offset(frame) + offset))

    def log_odds_without_offset(self, frame: pl.DataFrame) -> Array:
        """Return the log-odds of no order without the seasonal offset."""
        return self._base(frame) + raw_scores(self.booster, frame, self.inputs) + self.intercept

    def _base(self, frame: pl.DataFrame) -> Array:
        return self.slope * _order_model_log_odds(frame)

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the trees' contributions by family; BG/NBD's deviation from the average is part of `recency`."""
        deviation = self._base(frame) - self.mean_log_odds
        by_family = sum_by_family(feature_contributions(self.booster, frame, self.inputs))
        return by_family.with_columns(pl.col("recency") + pl.Series(deviation))

    def by_feature(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the trees' contributions by feature, with BG/NBD's deviation from the average as a column of its own."""
        deviation = pl.Series("BG/NBD", self._base(frame) - self.mean_log_odds)
        return feature_contributions(self.booster, frame, self.inputs).with_columns(deviation)

    def save(self, folder: Path) -> None:
        """Write booster text, inputs, mean log-odds and intercept."""
        (folder / BOOSTER).write_text(self.booster.model_to_string(), encoding="utf-8")
        data = {"name": NAME, "inputs": self.inputs, "average": self.mean_log_odds, "centre": self.intercept, "slope": self.slope}
        write_json(folder / CHURN_FILE, data)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        booster = load_booster(folder / BOOSTER)
        data = read_json(folder / CHURN_FILE)
        return cls(
            booster=booster,
            mean_log_odds=data["average"],
            intercept=data["centre"],
            inputs=tuple(data["inputs"]),
            slope=data.get("slope", 1.0),
        )


@dataclass(frozen=True)
class HybridCandidate:
    """Trains on every closed window, with the window's own offset removed; candidates with the same `boosters` share trees."""

    trees: TreeParams = DEFAULT_TREES
    name: str = NAME
    boosters: BoosterCache = field(default_factory=BoosterCache, compare=False, repr=False)

    def fit(self, snapshots: list[Snapshot], current: pl.DataFrame) -> HybridChurn:
        """Return the fitted model, with as many trees as the data support.

        Raises TooLittleDataError below 200 rows, or below 20 of the customers who stayed or of those who churned.
        """
        if not snapshots:
            raise TooLittleDataError("The hybrid needs a past window whose outcome is known; the log is too short for one.")
        frames = sample_frames(snapshots)
        refuse_too_little("The hybrid", frames)
        slope = fit_slope(frames)
        booster, _ = self.boosters.train(
            BoosterSpec(
                parameters=self.trees.parameters(objective="binary"),
                build_dataset=_DatasetBuilder(slope),
                snapshots=tuple(snapshots),
                day=as_of_date(current),
                min_rounds=MIN_ROUNDS,
            )
        )
        mean_log_odds = slope * float(_order_model_log_odds(frames[-1]).mean())
        intercept = _fit_intercept(booster, current, slope)
        return HybridChurn(booster=booster, mean_log_odds=mean_log_odds, intercept=intercept, slope=slope)

    def load(self, folder: Path) -> HybridChurn:
        """Read a model that `HybridChurn.save` wrote."""
        return HybridChurn.load(folder)


def fit_slope(frames: list[pl.DataFrame]) -> float:
    """Return by how much BG/NBD's log-odds count: 1, or where past windows say less than half, what they say, to three decimals.

    Each window's own offset is removed; maximum likelihood between -1 and 1, with a normal prior around 1. BG/NBD's ranking is
    reversed in shops where the next order takes its time: there the silent customers are due, and those who have just bought are
    not. A slope a little below 1 is left to the trees.
    """
    windows = [(_order_model_log_odds(frame), churn_labels(frame)) for frame in frames]

    def loss(slope: float) -> float:
        losses = (_window_loss(slope * odds, churned) for odds, churned in windows)
        return sum(losses) + SLOPE_PRIOR_PRECISION / 2 * (slope - 1) ** 2

    slope = float(minimize_scalar(loss, bounds=SLOPE_BOUNDS, method="bounded", options={"xatol": 1e-4}).x)
    return round(slope, 3) if slope < MIN_CONFIRMED_SLOPE else 1.0


def _window_loss(odds: Array, churned: Array) -> float:
    shifted = odds + churn_offset(expit(odds), churned)
    return float(np.sum(np.logaddexp(0, shifted) - churned * shifted))


def _fit_intercept(booster: lgb.Booster, current: pl.DataFrame, slope: float) -> float:
    """Return what to add to all log-odds so that the current customers' expected churners are as many as by BG/NBD alone.

    Features have seasons; trees trained on windows of other seasons would shift the total.
    """
    odds = _order_model_log_odds(current)
    return churn_offset(expit(slope * odds + raw_scores(booster, current)), expit(odds))


@dataclass(frozen=True)
class _DatasetBuilder:
    """Builds the data set for a slope; a dataclass, so that builders of the same slope are equal for the cache."""

    slope: float

    def __call__(self, frames: list[pl.DataFrame], day: date) -> lgb.Dataset | None:
        """Return the rows of the windows, each starting from its shifted order model; None below the minimum of rows."""
        if sum(frame.height for frame in frames) < MIN_ROWS:
            return None
        rows, init_score = pl.concat(frames), np.concatenate([_init_score(frame, self.slope) for frame in frames])
        weight = season_weights(frames, day)
        return lgb.Dataset(input_table(rows), label=churn_labels(rows), weight=weight, init_score=init_score, free_raw_data=True)


def _order_model_log_odds(frame: pl.DataFrame) -> Array:
    """Return BG/NBD's log-odds of no order, clipped to between 2 % and 98 %.

    BG/NBD is overconfident: of the customers with a predicted probability below 2 % of staying, one in six stayed.
    """
    odds: Array = np.clip(log_odds(frame["btyd_p_no_order"].to_numpy()), -MAX_LOG_ODDS, MAX_LOG_ODDS)
    return odds


def _init_score(frame: pl.DataFrame, slope: float) -> Array:
    """Return BG/NBD's log-odds times the slope, shifted so that the expected churners equal those of this window."""
    odds = slope * _order_model_log_odds(frame)
    return odds + churn_offset(expit(odds), churn_labels(frame))
