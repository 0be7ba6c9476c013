"""LightGBM on spend by itself, in the three forms that spend with many zeros is learned in.

Tweedie: the mean at once (Jorgensen 1987). Hurdle: whether anything is spent, times a gamma mean of buyers. Zero-inflated
lognormal: whether, times the lognormal mean of buyers (Wang, Liu and Miao 2019, arXiv:1912.07753).
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import polars as pl
from scipy.special import expit
from scipy.stats import norm

from models.errors import TooLittleDataError
from models.files import read_json, write_json
from models.log_odds import EDGE, Array
from models.snapshot import Snapshot
from models.trees.boosting import INPUTS, MIN_BUYERS, matrix, raw, refuse_few_buyers, refuse_too_little
from models.trees.training import TreeParams, as_of, sampled, train_booster
from models.value.protocol import FILE, FOLDER

TWEEDIE, HURDLE, LOGNORMAL = "lightgbm_tweedie", "lightgbm_hurdle", "lightgbm_lognormal"
PARTS = {TWEEDIE: ("total",), HURDLE: ("bought", "amount"), LOGNORMAL: ("bought", "logarithm")}
OBJECTIVES: dict[str, dict[str, Any]] = {
    "total": {"objective": "tweedie", "tweedie_variance_power": 1.5},
    "bought": {"objective": "binary"},
    "amount": {"objective": "gamma"},
    "logarithm": {"objective": "regression"},
}
OF_BUYERS = ("amount", "logarithm")
TREES = TreeParams(learning_rate=0.03)


@dataclass(frozen=True)
class LightGbmValue:
    """A booster per part of the form; `variance` is that of the logarithm of spend around the trees, of buyers."""

    name: str
    boosters: dict[str, lgb.Booster]
    variance: float

    def expected(self, frame: pl.DataFrame) -> pl.Series:
        """Return the expected spend."""
        found = {part: raw(booster, frame) for part, booster in self.boosters.items()}
        if self.name == TWEEDIE:
            return pl.Series("value", np.exp(found["total"]))
        amount = found["amount"] if self.name == HURDLE else found["logarithm"] + self.variance / 2
        return pl.Series("value", expit(found["bought"]) * np.exp(amount))

    def quantile(self, frame: pl.DataFrame, at: float) -> pl.Series | None:
        """Return the quantile of the zero-inflated lognormal; the other forms have no spread."""
        if self.name != LOGNORMAL:
            return None
        p = expit(raw(self.boosters["bought"], frame))
        share = 1 - (1 - at) / np.maximum(p, EDGE)
        log_spend = raw(self.boosters["logarithm"], frame) + np.sqrt(self.variance) * norm.ppf(np.clip(share, EDGE, 1 - EDGE))
        return pl.Series("value", np.where(share > 0, np.exp(log_spend), 0.0))

    def save(self, folder: Path) -> None:
        """Write boosters and variance into a folder of their own."""
        own = folder / FOLDER
        own.mkdir(parents=True, exist_ok=True)
        for part, booster in self.boosters.items():
            (own / f"{part}.lgb.txt").write_text(booster.model_to_string(), encoding="utf-8")
        write_json(own / FILE, {"name": self.name, "variance": self.variance})


@dataclass(frozen=True)
class LightGbmValueCandidate:
    """Learns one of the three forms, `name`, from every closed window."""

    name: str
    trees: TreeParams = TREES

    def fit(self, snapshots: list[Snapshot], current: pl.DataFrame) -> LightGbmValue:
        """Return the model. Raises TooLittleData without a closed window, and below 100 buyers or 20 of those who stayed away."""
        if not snapshots:
            raise TooLittleDataError("LightGBM needs a past window whose outcome is known; the log is too short for one.")
        frames = sampled(snapshots)
        refuse_too_little("LightGBM", frames)
        refuse_few_buyers(frames)
        learned = {
            part: train_booster(self.trees.parameters(**OBJECTIVES[part]), _Rows(part), snapshots, as_of(current))
            for part in PARTS[self.name]
        }
        before = learned["logarithm"][1] if self.name == LOGNORMAL else None
        boosters = {part: booster for part, (booster, _) in learned.items()}
        return LightGbmValue(self.name, boosters, _variance(before, snapshots[-1].frame) if before else 0.0)

    def load(self, folder: Path) -> LightGbmValue:
        """Read what the model's `save` wrote."""
        own = folder / FOLDER
        texts = {part: (own / f"{part}.lgb.txt").read_text(encoding="utf-8") for part in PARTS[self.name]}
        boosters = {part: lgb.Booster(model_str=text) for part, text in texts.items()}
        return LightGbmValue(self.name, boosters, read_json(own / FILE)["variance"])


@dataclass(frozen=True)
class _Rows:
    """The rows that a part learns from, and their labels."""

    part: str

    def __call__(self, frames: list[pl.DataFrame], _day: date) -> lgb.Dataset | None:
        rows = pl.concat(frames)
        buyers = rows.filter(pl.col("next_spend") > 0)
        if buyers.height < MIN_BUYERS:
            return None
        chosen = buyers if self.part in OF_BUYERS else rows
        return lgb.Dataset(matrix(chosen, INPUTS), label=_label(self.part, chosen), free_raw_data=True)


def _label(part: str, rows: pl.DataFrame) -> Array:
    spend = rows["next_spend"].clip(lower_bound=0.0).to_numpy()
    if part == "bought":
        return (spend > 0).astype(np.float64)
    label: Array = np.log(spend) if part == "logarithm" else spend
    return label


def _variance(before: lgb.Booster, window: pl.DataFrame) -> float:
    """Variance of the logarithm of spend around what trees foretold that had not seen the window."""
    buyers = window.filter(pl.col("next_spend") > 0)
    return float(np.var(np.log(buyers["next_spend"].to_numpy()) - raw(before, buyers))) if buyers.height else 0.0
