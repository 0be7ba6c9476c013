"""LightGBM on spend alone, in three common models for spend with many zeros.

Tweedie: the mean directly (Jorgensen 1987). Hurdle: the probability of any spend times a gamma mean of buyers. Zero-inflated
lognormal: that probability times a lognormal mean of buyers (Wang, Liu and Miao 2019, arXiv:1912.07753).
"""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import polars as pl
from scipy.special import expit
from scipy.stats import norm

from features.frames.arrays import Array
from models.errors import TooLittleDataError
from models.files import read_json, write_json
from models.log_odds import MIN_PROBABILITY
from models.snapshot import Snapshot
from models.trees.booster_cache import BoosterCache
from models.trees.boosting import INPUTS, MIN_BUYERS, input_table, load_booster, raw_scores, refuse_few_buyers, refuse_too_little
from models.trees.training import BoosterSpec, TreeParams, as_of_date, sample_frames
from models.value.protocol import VALUE_FILE, VALUE_FOLDER

TWEEDIE, HURDLE, LOGNORMAL = "lightgbm_tweedie", "lightgbm_hurdle", "lightgbm_lognormal"
PARTS = {TWEEDIE: ("total",), HURDLE: ("bought", "amount"), LOGNORMAL: ("bought", "logarithm")}
OBJECTIVES: dict[str, dict[str, Any]] = {
    "total": {"objective": "tweedie", "tweedie_variance_power": 1.5},
    "bought": {"objective": "binary"},
    "amount": {"objective": "gamma"},
    "logarithm": {"objective": "regression"},
}
BUYER_PARTS = ("amount", "logarithm")
DEFAULT_TREES = TreeParams(learning_rate=0.03)


@dataclass(frozen=True)
class LightGbmValue:
    """A booster per part of the model; `variance` is the residual variance of buyers' log spend (lognormal only, else 0)."""

    name: str
    boosters: dict[str, lgb.Booster]
    variance: float

    def expected(self, frame: pl.DataFrame) -> pl.Series:
        """Return the expected spend."""
        scores = {part: raw_scores(booster, frame) for part, booster in self.boosters.items()}
        if self.name == TWEEDIE:
            return pl.Series("value", np.exp(scores["total"]))
        log_amount = scores["amount"] if self.name == HURDLE else scores["logarithm"] + self.variance / 2
        return pl.Series("value", expit(scores["bought"]) * np.exp(log_amount))

    def quantile(self, frame: pl.DataFrame, probability: float) -> pl.Series | None:
        """Return the quantile of the zero-inflated lognormal; None for the other models, which predict no distribution."""
        if self.name != LOGNORMAL:
            return None
        p_order = expit(raw_scores(self.boosters["bought"], frame))
        level = 1 - (1 - probability) / np.maximum(p_order, MIN_PROBABILITY)
        z = norm.ppf(np.clip(level, MIN_PROBABILITY, 1 - MIN_PROBABILITY))
        log_spend = raw_scores(self.boosters["logarithm"], frame) + np.sqrt(self.variance) * z
        return pl.Series("value", np.where(level > 0, np.exp(log_spend), 0.0))

    def save(self, folder: Path) -> None:
        """Write boosters and variance into the value folder."""
        value_folder = folder / VALUE_FOLDER
        value_folder.mkdir(parents=True, exist_ok=True)
        for part, booster in self.boosters.items():
            (value_folder / f"{part}.lgb.txt").write_text(booster.model_to_string(), encoding="utf-8")
        write_json(value_folder / VALUE_FILE, {"name": self.name, "variance": self.variance})


@dataclass(frozen=True)
class LightGbmValueCandidate:
    """Trains one of the three models, `name`, on every closed window; candidates with the same `boosters` share trees."""

    name: str
    trees: TreeParams = DEFAULT_TREES
    boosters: BoosterCache = field(default_factory=BoosterCache, compare=False, repr=False)

    def fit(self, snapshots: list[Snapshot], current: pl.DataFrame) -> LightGbmValue:
        """Return the fitted model.

        Raises TooLittleDataError without a closed window, below 200 rows, below 20 with either outcome, and below 100 buyers.
        """
        if not snapshots:
            raise TooLittleDataError("LightGBM needs a past window whose outcome is known; the log is too short for one.")
        frames = sample_frames(snapshots)
        refuse_too_little("LightGBM", frames)
        refuse_few_buyers(frames)
        trained = {part: self._train(part, snapshots, current) for part in PARTS[self.name]}
        boosters = {part: booster for part, (booster, _) in trained.items()}
        variance = 0.0
        if self.name == LOGNORMAL:
            _, validated = trained["logarithm"]
            variance = _residual_variance(validated, snapshots[-1].frame)
        return LightGbmValue(name=self.name, boosters=boosters, variance=variance)

    def _train(self, part: str, snapshots: list[Snapshot], current: pl.DataFrame) -> tuple[lgb.Booster, lgb.Booster]:
        spec = BoosterSpec(
            parameters=self.trees.parameters(**OBJECTIVES[part]),
            build_dataset=_PartDataset(part),
            snapshots=tuple(snapshots),
            day=as_of_date(current),
        )
        return self.boosters.train(spec)

    def load(self, folder: Path) -> LightGbmValue:
        """Read a model that `LightGbmValue.save` wrote."""
        value_folder = folder / VALUE_FOLDER
        boosters = {part: load_booster(value_folder / f"{part}.lgb.txt") for part in PARTS[self.name]}
        return LightGbmValue(name=self.name, boosters=boosters, variance=read_json(value_folder / VALUE_FILE)["variance"])


@dataclass(frozen=True)
class _PartDataset:
    """Builds the data set of a part; a dataclass, so that builders of the same part are equal for the cache."""

    part: str

    def __call__(self, frames: list[pl.DataFrame], _day: date) -> lgb.Dataset | None:
        """Return the part's rows with their labels; None below 100 buyers."""
        rows = pl.concat(frames)
        buyers = rows.filter(pl.col("next_spend") > 0)
        if buyers.height < MIN_BUYERS:
            return None
        training = buyers if self.part in BUYER_PARTS else rows
        return lgb.Dataset(input_table(training, INPUTS), label=_labels(self.part, training), free_raw_data=True)


def _labels(part: str, rows: pl.DataFrame) -> Array:
    spend = rows["next_spend"].clip(lower_bound=0.0).to_numpy()
    if part == "bought":
        return (spend > 0).astype(np.float64)
    labels: Array = np.log(spend) if part == "logarithm" else spend
    return labels


def _residual_variance(booster: lgb.Booster, window: pl.DataFrame) -> float:
    """Return the variance of buyers' log spend around the prediction of a booster that has not seen the window."""
    buyers = window.filter(pl.col("next_spend") > 0)
    return float(np.var(np.log(buyers["next_spend"].to_numpy()) - raw_scores(booster, buyers))) if buyers.height else 0.0
