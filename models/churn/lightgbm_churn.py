"""LightGBM churn: gradient-boosted trees on features and BTYD columns, calibrated on a later cut-off."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import lightgbm as lgb
import polars as pl

from models.churn.calibration import Calibration, fit_calibration
from models.errors import TooLittleDataError
from models.files import CHURN_FILE, read_json, write_json
from models.snapshot import Snapshot
from models.trees.boosting import (
    INPUTS,
    churn_labels,
    feature_contributions,
    input_table,
    load_booster,
    predict,
    refuse_too_little,
    sum_by_family,
)
from models.trees.training import SEED, TreeParams, sample_frames, split_in_time

NAME = "lightgbm"
BOOSTER = "churn.lgb.txt"
ROUNDS = 200
DEFAULT_TREES = TreeParams(learning_rate=0.03)


@dataclass(frozen=True)
class LightGbmChurn:
    """Trees, and the calibration of their probabilities."""

    booster: lgb.Booster
    calibration: Calibration
    inputs: tuple[str, ...] = INPUTS
    name: str = NAME

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        """Return calibrated churn probabilities."""
        return pl.Series("p_churn", self.calibration.apply(predict(self.booster, frame, self.inputs)))

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the trees' own contributions summed by family, on the scale of the calibrated log-odds."""
        return sum_by_family(self.by_feature(frame))

    def by_feature(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the contribution of each feature, on the same scale."""
        return feature_contributions(self.booster, frame, self.inputs) * self.calibration.slope

    def save(self, folder: Path) -> None:
        """Write booster text and calibration."""
        (folder / BOOSTER).write_text(self.booster.model_to_string(), encoding="utf-8")
        write_json(folder / CHURN_FILE, {"name": NAME, "inputs": self.inputs, "calibration": asdict(self.calibration)})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        booster = load_booster(folder / BOOSTER)
        data = read_json(folder / CHURN_FILE)
        return cls(booster, Calibration(**data["calibration"]), tuple(data["inputs"]))


@dataclass(frozen=True)
class LightGbmCandidate:
    """Trains on the snapshots closed before the newest began, and calibrates on the newest."""

    trees: TreeParams = DEFAULT_TREES
    name: str = NAME

    def fit(self, snapshots: list[Snapshot], _current: pl.DataFrame) -> LightGbmChurn:
        """Return trees trained on snapshots closed before the newest began, calibrated on the newest.

        If there are none, a third of the newest snapshot's customers, chosen by a hash of their id, is kept for calibration.
        Raises TooLittleDataError below 200 rows in all, or below 20 of the customers who stayed or of those who churned.
        """
        training, calibration = _split_for_calibration(snapshots)
        refuse_too_little("LightGBM", [training, calibration])
        booster = lgb.train(self.trees.parameters(objective="binary"), _build_dataset(training), num_boost_round=ROUNDS)
        return LightGbmChurn(booster, fit_calibration(predict(booster, calibration, INPUTS), churn_labels(calibration)))

    def load(self, folder: Path) -> LightGbmChurn:
        """Read a model that `LightGbmChurn.save` wrote."""
        return LightGbmChurn.load(folder)


def _split_for_calibration(snapshots: list[Snapshot]) -> tuple[pl.DataFrame, pl.DataFrame]:
    if not snapshots:
        raise TooLittleDataError("LightGBM needs a past window whose outcome is known; the log is too short for one.")
    earlier, newest = split_in_time(snapshots)
    if earlier:
        return pl.concat(sample_frames(earlier)), newest.frame
    is_held_out = pl.col("customer_id").hash(seed=SEED) % 3 == 0
    return newest.frame.filter(~is_held_out), newest.frame.filter(is_held_out)


def _build_dataset(frame: pl.DataFrame) -> lgb.Dataset:
    return lgb.Dataset(input_table(frame, INPUTS), label=churn_labels(frame), free_raw_data=True)
