"""Hybrid value: spend in the churn window from order models, corrected by trees and a seasonal offset, with quantiles."""

from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Self

import lightgbm as lgb
import numpy as np
import polars as pl
from scipy.special import expit

from features.families import demand
from features.frames.arrays import Array
from models.btyd.seasonal_level import value_offset
from models.churn.hybrid import HybridCandidate, HybridChurn
from models.files import read_json, write_json
from models.log_odds import MIN_PROBABILITY
from models.snapshot import Snapshot
from models.trees.booster_cache import BoosterCache
from models.trees.boosting import (
    FEATURE_FAMILY,
    INPUTS,
    MIN_BUYERS,
    input_table,
    load_booster,
    raw_scores,
    refuse_few_buyers,
)
from models.trees.training import BoosterSpec, DatasetBuilder, TreeParams, as_of_date, sample_frames
from models.value.protocol import VALUE_FILE, VALUE_FOLDER

NAME = "hybrid"
BOOSTERS = {"total": "total.lgb.txt", "amount": "amount.lgb.txt"}
# Seasonal demand predicts who comes, not how much they spend (docs/training.md).
AMOUNT_INPUTS = tuple(name for name in INPUTS if FEATURE_FAMILY[name] != demand.FAMILY)
AMOUNT_WEIGHT = 0.8
QUANTILE_LEVELS = np.linspace(0.005, 0.995, 100)
MIN_MEAN_SPEND = 0.01  # in currency: keeps the logarithm of a mean finite
DEFAULT_TREES = TreeParams(learning_rate=0.03)


@dataclass(frozen=True)
class HybridValue:
    """Two estimates of mean spend, both by trees on top of the order models, and the distribution of spend around the mean.

    `total` predicts spend directly (Tweedie). `amount` predicts the spend of buyers (gamma), and is multiplied by the churn
    hybrid's purchase probability. The mean is the geometric mean of both. `mean_log_amount` is the mean logarithm of what the
    order models expect a buyer to spend: `amount` starts from four fifths of a customer's deviation from it. `intercept` is added
    to the logarithm of every mean, so that the total is that of the order models. `ratio_quantiles` are the quantiles, at
    QUANTILE_LEVELS, of actual over expected spend among buyers.
    """

    churn: HybridChurn
    total: lgb.Booster
    amount: lgb.Booster
    mean_log_amount: float
    ratio_quantiles: tuple[float, ...]
    intercept: float = 0.0
    name: str = NAME

    def expected(self, frame: pl.DataFrame) -> pl.Series:
        """Return the expected spend, including the seasonal offset of the window ahead."""
        offset = frame["btyd_value_level"].to_numpy()
        return pl.Series("value", self.expected_without_offset(frame) * np.exp(offset))

    def expected_without_offset(self, frame: pl.DataFrame) -> Array:
        """Return the expected spend without the seasonal offset."""
        total = np.exp(_log_total(frame) + raw_scores(self.total, frame))
        log_amount = _shrink(_log_amount(frame), self.mean_log_amount)
        amount = np.exp(log_amount + raw_scores(self.amount, frame, AMOUNT_INPUTS))
        p_order = 1 - expit(self.churn.log_odds_without_offset(frame))
        expected: Array = np.sqrt(total * p_order * amount) * np.exp(self.intercept)
        return expected

    def quantile(self, frame: pl.DataFrame, probability: float) -> pl.Series:
        """Return the quantile of spend that is 0 with the churn probability, else distributed around its mean."""
        p_churn = self.churn.p_churn(frame).to_numpy()
        p_order = np.maximum(1 - p_churn, MIN_PROBABILITY)
        level = (probability - p_churn) / p_order
        ratio = np.interp(level, QUANTILE_LEVELS, self.ratio_quantiles)
        mean_of_buyers = self.expected(frame).to_numpy() / p_order
        return pl.Series("value", np.where(level > 0, mean_of_buyers * ratio, 0.0))

    def save(self, folder: Path) -> None:
        """Write the churn hybrid, boosters, quantiles and intercept into the value folder."""
        value_folder = folder / VALUE_FOLDER
        value_folder.mkdir(parents=True, exist_ok=True)
        self.churn.save(value_folder)
        for name, file in BOOSTERS.items():
            (value_folder / file).write_text(getattr(self, name).model_to_string(), encoding="utf-8")
        data = {"name": NAME, "usual": self.mean_log_amount, "centre": self.intercept, "spread": self.ratio_quantiles}
        write_json(value_folder / VALUE_FILE, data)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        value_folder = folder / VALUE_FOLDER
        boosters = {name: load_booster(value_folder / file) for name, file in BOOSTERS.items()}
        data = read_json(value_folder / VALUE_FILE)
        return cls(
            churn=HybridChurn.load(value_folder),
            total=boosters["total"],
            amount=boosters["amount"],
            mean_log_amount=data["usual"],
            ratio_quantiles=tuple(data["spread"]),
            intercept=data["centre"],
        )


@dataclass(frozen=True)
class HybridValueCandidate:
    """Trains on every closed window, with the window's own offset removed; candidates with the same `boosters` share trees."""

    trees: TreeParams = DEFAULT_TREES
    name: str = NAME
    boosters: BoosterCache = field(default_factory=BoosterCache, compare=False, repr=False)

    def fit(self, snapshots: list[Snapshot], current: pl.DataFrame) -> HybridValue:
        """Return the fitted model. Raises TooLittleDataError below 100 buyers, and where the churn hybrid does.

        The quantiles come from the newest window, as predicted by trees trained on windows closed before it began. Without such
        windows they come from trees that have seen it.
        """
        churn = HybridCandidate(boosters=self.boosters).fit(snapshots, current)
        refuse_few_buyers(sample_frames(snapshots))
        tweedie = {"objective": "tweedie", "tweedie_variance_power": 1.5}
        total, _ = self._train(tweedie, _build_total_dataset, snapshots, current)
        amount, validated_amount = self._train({"objective": "gamma"}, _build_amount_dataset, snapshots, current)
        model = HybridValue(
            churn=churn,
            total=total,
            amount=amount,
            mean_log_amount=float(_log_amount(current).mean()),
            ratio_quantiles=_fit_ratio_quantiles(validated_amount, snapshots[-1].frame),
        )
        return replace(model, intercept=_fit_intercept(model, current))

    def _train(
        self, objective: dict[str, Any], build_dataset: DatasetBuilder, snapshots: list[Snapshot], current: pl.DataFrame
    ) -> tuple[lgb.Booster, lgb.Booster]:
        spec = BoosterSpec(
            parameters=self.trees.parameters(**objective),
            build_dataset=build_dataset,
            snapshots=tuple(snapshots),
            day=as_of_date(current),
        )
        return self.boosters.train(spec)

    def load(self, folder: Path) -> HybridValue:
        """Read a model that `HybridValue.save` wrote."""
        return HybridValue.load(folder)


def _log_total(frame: pl.DataFrame) -> Array:
    """Return the logarithm of the spend that the order models expect."""
    expected = (frame["btyd_expected_orders"] * frame["btyd_expected_spend"]).to_numpy()
    log_total: Array = np.log(np.maximum(expected, MIN_MEAN_SPEND))
    return log_total


def _log_amount(frame: pl.DataFrame) -> Array:
    """Return the logarithm of the spend that the order models expect, given a purchase."""
    p_order = np.maximum(1 - frame["btyd_p_no_order"].to_numpy(), MIN_PROBABILITY)
    log_amount: Array = _log_total(frame) - np.log(p_order)
    return log_amount


def _fit_intercept(model: HybridValue, current: pl.DataFrame) -> float:
    """Return what to add to the logarithm of each mean so that the current customers' total is that of the order models."""
    return float(np.log(np.exp(_log_total(current)).sum() / model.expected_without_offset(current).sum()))


def _shrink(log_amount: Array, mean: float) -> Array:
    """Return four fifths of each deviation from the mean: Gamma-Gamma makes customers differ more than they turn out to."""
    return mean + AMOUNT_WEIGHT * (log_amount - mean)


def _build_total_dataset(frames: list[pl.DataFrame], _day: date) -> lgb.Dataset | None:
    return _build_dataset(frames, [_log_total(frame) for frame in frames], INPUTS)


def _build_amount_dataset(frames: list[pl.DataFrame], _day: date) -> lgb.Dataset | None:
    buyers, log_means = [], []
    for frame in frames:
        log_amount = _log_amount(frame)
        bought = frame["next_spend"] > 0
        buyers.append(frame.filter(bought))
        log_means.append(_shrink(log_amount, float(log_amount.mean()))[bought.to_numpy()])
    return _build_dataset(buyers, log_means, AMOUNT_INPUTS)


def _build_dataset(frames: list[pl.DataFrame], log_means: list[Array], inputs: tuple[str, ...]) -> lgb.Dataset | None:
    """Return rows labelled with spend, starting from `log_means` plus each window's own offset; None below 100 buyers."""
    windows = [(frame, log_mean) for frame, log_mean in zip(frames, log_means, strict=True) if (frame["next_spend"] > 0).any()]
    if sum(int((frame["next_spend"] > 0).sum()) for frame, _ in windows) < MIN_BUYERS:
        return None
    spends = [frame["next_spend"].clip(lower_bound=0.0).to_numpy() for frame, _ in windows]
    init_scores = [log_mean + value_offset(np.exp(log_mean), spend) for (_, log_mean), spend in zip(windows, spends, strict=True)]
    table = input_table(pl.concat([frame for frame, _ in windows]), inputs)
    return lgb.Dataset(table, label=np.concatenate(spends), init_score=np.concatenate(init_scores), free_raw_data=True)


def _fit_ratio_quantiles(amount: lgb.Booster, window: pl.DataFrame) -> tuple[float, ...]:
    """Return quantiles of actual over expected spend among the buyers of a window, scaled so that the ratio's mean is 1."""
    bought = (window["next_spend"] > 0).to_numpy()
    if not bought.any():
        return tuple(np.ones(len(QUANTILE_LEVELS)).tolist())
    log_amount = _log_amount(window)
    predicted = _shrink(log_amount, float(log_amount.mean())) + raw_scores(amount, window, AMOUNT_INPUTS)
    ratio = window["next_spend"].to_numpy()[bought] / np.exp(predicted[bought])
    return tuple(np.quantile(ratio / ratio.mean(), QUANTILE_LEVELS).tolist())
