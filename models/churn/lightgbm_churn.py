"""LightGBM churn: gradient-boosted trees over features and BTYD columns, calibrated on a later cut-off."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import lightgbm as lgb
import polars as pl

from models.churn.calibration import Calibration, fit_calibration
from models.errors import TooLittleDataError
from models.files import FILE, read_json, write_json
from models.log_odds import Array
from models.snapshot import Snapshot
from models.trees.boosting import INPUTS, by_family, by_feature, churned, matrix, predicted, refuse_too_little
from models.trees.training import SEED, TreeParams, sampled, split_in_time

NAME = "lightgbm"
BOOSTER = "churn.lgb.txt"
ROUNDS = 200
TREES = TreeParams(learning_rate=0.03)


@dataclass(frozen=True)
class LightGbmChurn:
    """Trees and the calibration on top of them."""

    booster: lgb.Booster
    calibration: Calibration
    inputs: tuple[str, ...] = INPUTS
    name: str = NAME

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        """Return calibrated churn probabilities."""
        return pl.Series("p_churn", self.calibration.apply(_raw(self.booster, frame, self.inputs)))

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Sum the trees' own contributions by family, on the scale of the calibrated log-odds."""
        return by_family(self.by_feature(frame))

    def by_feature(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return what each feature adds, on the same scale."""
        return by_feature(self.booster, frame, self.inputs) * self.calibration.slope

    def save(self, folder: Path) -> None:
        """Write booster text and calibration."""
        (folder / BOOSTER).write_text(self.booster.model_to_string(), encoding="utf-8")
        write_json(folder / FILE, {"name": NAME, "inputs": self.inputs, "calibration": asdict(self.calibration)})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        booster = lgb.Booster(model_str=(folder / BOOSTER).read_text(encoding="utf-8"))
        data = read_json(folder / FILE)
        return cls(booster, Calibration(**data["calibration"]), tuple(data["inputs"]))


@dataclass(frozen=True)
class LightGbmCandidate:
    """Learns from all snapshots but the newest, and calibrates on that one."""

    trees: TreeParams = TREES
    name: str = NAME

    def fit(self, snapshots: list[Snapshot], _current: pl.DataFrame) -> LightGbmChurn:
        """Return trees on snapshots closed before the newest begins, calibrated on the newest.

        With one window only, a third of its customers, chosen by a hash of their id, is kept for calibration.
        Raises TooLittleData below 200 rows in all, or below 20 of the customers who stayed or of those who left.
        """
        train, later = _learn_and_calibrate(snapshots)
        refuse_too_little("LightGBM", [train, later])
        booster = lgb.train(self.trees.parameters(objective="binary"), _dataset(train), num_boost_round=ROUNDS)
        return LightGbmChurn(booster, fit_calibration(_raw(booster, later), churned(later)))

    def load(self, folder: Path) -> LightGbmChurn:
        """Read what the model's `save` wrote."""
        return LightGbmChurn.load(folder)


def _learn_and_calibrate(snapshots: list[Snapshot]) -> tuple[pl.DataFrame, pl.DataFrame]:
    if not snapshots:
        raise TooLittleDataError("LightGBM needs a past window whose outcome is known; the log is too short for one.")
    earlier, newest = split_in_time(snapshots)
    if earlier:
        return pl.concat(sampled(earlier)), newest.frame
    held = pl.col("customer_id").hash(seed=SEED) % 3 == 0
    return newest.frame.filter(~held), newest.frame.filter(held)


def _dataset(train: pl.DataFrame) -> lgb.Dataset:
    return lgb.Dataset(matrix(train, INPUTS), label=churned(train), free_raw_data=True)


def _raw(booster: lgb.Booster, frame: pl.DataFrame, inputs: tuple[str, ...] = INPUTS) -> Array:
    return predicted(booster, frame, inputs)
