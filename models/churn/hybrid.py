"""The hybrid: BG/NBD says how likely a customer is to be silent, trees learn who deviates, the level says how many in all."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Self

import lightgbm as lgb
import numpy as np
import polars as pl
from scipy.special import expit

from models.btyd.seasonal_level import churn_offset
from models.errors import TooLittleDataError
from models.files import FILE, read_json, write_json
from models.log_odds import Array, log_odds
from models.snapshot import Snapshot
from models.trees.boosting import INPUTS, MIN_ROWS, by_family, by_feature, churned, matrix, raw, refuse_too_little
from models.trees.training import TreeParams, as_of, sampled, season_weights, train_booster

NAME = "hybrid"
BOOSTER = "hybrid.lgb.txt"
MIN_ROUNDS = 150
SUREST = 4.0  # log-odds; on CDNOW 11 of 68 whom BG/NBD gave less than 2 % to stay stayed
TREES = TreeParams()


@dataclass(frozen=True)
class HybridChurn:
    """Trees on top of BG/NBD's log-odds; `average` is the log-odds that contributions are measured from.

    `centre` keeps the trees from telling a level too: with it, they leave the number of churners as BG/NBD has it.
    """

    booster: lgb.Booster
    average: float
    centre: float
    inputs: tuple[str, ...] = INPUTS
    name: str = NAME

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        """Return P(no order): BG/NBD's log-odds, plus what the trees add for this customer, plus the level for all."""
        level = frame["btyd_churn_level"].to_numpy()
        return pl.Series("p_churn", expit(self.shape(frame) + level))

    def shape(self, frame: pl.DataFrame) -> Array:
        """Return the log-odds without a level."""
        return _order_models(frame) + raw(self.booster, frame, self.inputs) + self.centre

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return what the trees add by family; what BG/NBD says beyond the average comes from recency."""
        base = _order_models(frame) - self.average
        return by_family(by_feature(self.booster, frame, self.inputs)).with_columns(pl.col("recency") + pl.Series(base))

    def by_feature(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return what the trees add by feature, and what BG/NBD says beyond the average as a column of its own."""
        base = pl.Series("BG/NBD", _order_models(frame) - self.average)
        return by_feature(self.booster, frame, self.inputs).with_columns(base)

    def save(self, folder: Path) -> None:
        """Write booster text and the average."""
        (folder / BOOSTER).write_text(self.booster.model_to_string(), encoding="utf-8")
        write_json(folder / FILE, {"name": NAME, "inputs": self.inputs, "average": self.average, "centre": self.centre})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        booster = lgb.Booster(model_str=(folder / BOOSTER).read_text(encoding="utf-8"))
        data = read_json(folder / FILE)
        return cls(booster, data["average"], data["centre"], tuple(data["inputs"]))


@dataclass(frozen=True)
class HybridCandidate:
    """Learns the shape from every closed window, each with its own level taken out first."""

    trees: TreeParams = TREES
    name: str = NAME

    def fit(self, snapshots: list[Snapshot], current: pl.DataFrame) -> HybridChurn:
        """Return the trees, as many as the data carry.

        Raises TooLittleData below 200 rows, or below 20 of those who stayed or of those who left.
        """
        if not snapshots:
            raise TooLittleDataError("The hybrid needs a past window whose outcome is known; the log is too short for one.")
        frames = sampled(snapshots)
        refuse_too_little("The hybrid", frames)
        average = float(_order_models(frames[-1]).mean())
        booster, _ = train_booster(self.trees.parameters(objective="binary"), _dataset, snapshots, as_of(current), MIN_ROUNDS)
        return HybridChurn(booster, average, _centre(booster, current))

    def load(self, folder: Path) -> HybridChurn:
        """Read what the model's `save` wrote."""
        return HybridChurn.load(folder)


def _centre(booster: lgb.Booster, current: pl.DataFrame) -> float:
    """What to add to the log-odds of all customers of the present so that as many churn as by BG/NBD alone.

    Features have seasons, and trees that learned from windows of other seasons would make them a level.
    """
    base = _order_models(current)
    return churn_offset(expit(base + raw(booster, current)), expit(base))


def _dataset(frames: list[pl.DataFrame], day: date) -> lgb.Dataset | None:
    if sum(frame.height for frame in frames) < MIN_ROWS:
        return None
    rows, start = pl.concat(frames), np.concatenate([_start(frame) for frame in frames])
    weight = season_weights(frames, day)
    return lgb.Dataset(matrix(rows), label=churned(rows), weight=weight, init_score=start, free_raw_data=True)


def _order_models(frame: pl.DataFrame) -> Array:
    """BG/NBD's log-odds of no order, never surer than 98 to 2: of those it calls gone for certain, one in six came back."""
    odds: Array = np.clip(log_odds(frame["btyd_p_no_order"].to_numpy()), -SUREST, SUREST)
    return odds


def _start(frame: pl.DataFrame) -> Array:
    """What BG/NBD says, shifted so that it sums to the churners of this window."""
    odds = _order_models(frame)
    return odds + churn_offset(expit(odds), churned(frame))
