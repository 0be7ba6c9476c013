"""What a customer will spend in the churn window: order models first, then trees, and a level for all; with a spread."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Self

import lightgbm as lgb
import numpy as np
import polars as pl
from scipy.special import expit

from features.families import demand
from models.btyd.seasonal_level import value_offset
from models.churn.hybrid import HybridCandidate, HybridChurn
from models.files import read_json, write_json
from models.log_odds import EDGE, Array
from models.snapshot import Snapshot
from models.trees.boosting import FAMILY_OF, INPUTS, MIN_BUYERS, matrix, raw, refuse_few_buyers
from models.trees.training import TreeParams, as_of, sampled, train_booster
from models.value.protocol import FILE, FOLDER

NAME = "hybrid"
BOOSTERS = {"total": "total.lgb.txt", "amount": "amount.lgb.txt"}
# Demand of the season tells who comes, not how much they spend (docs/training.md).
AMOUNT_INPUTS = tuple(name for name in INPUTS if FAMILY_OF[name] != demand.FAMILY)
BELIEVED = 0.8
SHARES = np.linspace(0.005, 0.995, 100)
LEAST = 0.01  # of the currency: what a mean is at least, so that it has a logarithm
TREES = TreeParams(learning_rate=0.03)


@dataclass(frozen=True)
class HybridValue:
    """Two ways to the mean, each by trees that start from the order models, and how spend lies around it.

    `total` learns spend at once (Tweedie), `amount` that of those who buy (gamma), times the hybrid's probability to buy; the
    mean is the geometric mean of both. `usual` is the mean logarithm of what the order models expect of a buyer: `amount`
    starts from four fifths of a customer's distance to it. `centre` keeps the trees from telling a level: with it the total is
    that of the order models. `spread` holds the quantiles at SHARES of actual over expected spend of buyers.
    """

    churn: HybridChurn
    total: lgb.Booster
    amount: lgb.Booster
    usual: float
    spread: tuple[float, ...]
    centre: float = 0.0
    name: str = NAME

    def expected(self, frame: pl.DataFrame) -> pl.Series:
        """Return the expected spend, the level of the window ahead included."""
        return pl.Series("value", self.shape(frame) * np.exp(frame["btyd_value_level"].to_numpy()))

    def shape(self, frame: pl.DataFrame) -> Array:
        """Return the expected spend without a level."""
        total = np.exp(_log_total(frame) + raw(self.total, frame))
        amount = np.exp(_damped(_log_amount(frame), self.usual) + raw(self.amount, frame, AMOUNT_INPUTS))
        expected: Array = np.sqrt(total * (1 - expit(self.churn.shape(frame))) * amount) * np.exp(self.centre)
        return expected

    def quantile(self, frame: pl.DataFrame, at: float) -> pl.Series:
        """Return the quantile of a spend that is 0 with the churn probability, else spread around its mean."""
        p = self.churn.p_churn(frame).to_numpy()
        share = (at - p) / np.maximum(1 - p, EDGE)
        around = np.interp(share, SHARES, self.spread)
        of_buyers = self.expected(frame).to_numpy() / np.maximum(1 - p, EDGE)
        return pl.Series("value", np.where(share > 0, of_buyers * around, 0.0))

    def save(self, folder: Path) -> None:
        """Write boosters and spread into a folder of their own."""
        own = folder / FOLDER
        own.mkdir(parents=True, exist_ok=True)
        self.churn.save(own)
        for name, file in BOOSTERS.items():
            (own / file).write_text(getattr(self, name).model_to_string(), encoding="utf-8")
        write_json(own / FILE, {"name": NAME, "usual": self.usual, "centre": self.centre, "spread": self.spread})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        own = folder / FOLDER
        total, amount = (lgb.Booster(model_str=(own / file).read_text(encoding="utf-8")) for file in BOOSTERS.values())
        data = read_json(own / FILE)
        return cls(HybridChurn.load(own), total, amount, data["usual"], tuple(data["spread"]), data["centre"])


@dataclass(frozen=True)
class HybridValueCandidate:
    """Learns from every closed window, each with its own level taken out first."""

    trees: TreeParams = TREES
    name: str = NAME

    def fit(self, snapshots: list[Snapshot], current: pl.DataFrame) -> HybridValue:
        """Return the model. Raises TooLittleData below 100 buyers, and where the churn hybrid does.

        The spread comes from the newest window, as foretold by trees of the windows closed before it began; where there are
        none, as foretold by trees that have seen it.
        """
        churn = HybridCandidate().fit(snapshots, current)
        refuse_few_buyers(sampled(snapshots))
        total, _ = train_booster(
            self.trees.parameters(objective="tweedie", tweedie_variance_power=1.5), _total_rows, snapshots, as_of(current)
        )
        amount, foretold = train_booster(self.trees.parameters(objective="gamma"), _amount_rows, snapshots, as_of(current))
        usual = float(_log_amount(current).mean())
        model = HybridValue(churn, total, amount, usual, _spread(foretold, snapshots[-1].frame))
        return replace(model, centre=_centre(model, current))

    def load(self, folder: Path) -> HybridValue:
        """Read what the model's `save` wrote."""
        return HybridValue.load(folder)


def _log_total(frame: pl.DataFrame) -> Array:
    expected = (frame["btyd_expected_orders"] * frame["btyd_expected_spend"]).to_numpy()
    found: Array = np.log(np.maximum(expected, LEAST))
    return found


def _log_amount(frame: pl.DataFrame) -> Array:
    found: Array = _log_total(frame) - np.log(np.maximum(1 - frame["btyd_p_no_order"].to_numpy(), EDGE))
    return found


def _centre(model: HybridValue, current: pl.DataFrame) -> float:
    """What to add to the logarithm of each expectation so that the total of the present is that of the order models."""
    return float(np.log(np.exp(_log_total(current)).sum() / model.shape(current).sum()))


def _damped(log_amount: Array, usual: float) -> Array:
    """Gamma-Gamma spreads customers wider than they turn out to be: only part of the distance to the usual is believed."""
    return usual + BELIEVED * (log_amount - usual)


def _total_rows(frames: list[pl.DataFrame], _day: date) -> lgb.Dataset | None:
    return _dataset(frames, [_log_total(frame) for frame in frames], INPUTS)


def _amount_rows(frames: list[pl.DataFrame], _day: date) -> lgb.Dataset | None:
    starts = [_damped(_log_amount(frame), float(_log_amount(frame).mean())) for frame in frames]
    bought = [(frame["next_spend"] > 0).to_numpy() for frame in frames]
    buyers = [frame.filter(pl.Series(some)) for frame, some in zip(frames, bought, strict=True)]
    return _dataset(buyers, [start[some] for start, some in zip(starts, bought, strict=True)], AMOUNT_INPUTS)


def _dataset(frames: list[pl.DataFrame], starts: list[Array], inputs: tuple[str, ...]) -> lgb.Dataset | None:
    """Rows with their spend, and starts to which each window's own level is added first; None of too few buyers."""
    windows = [(frame, start) for frame, start in zip(frames, starts, strict=True) if (frame["next_spend"] > 0).any()]
    if sum(int((frame["next_spend"] > 0).sum()) for frame, _ in windows) < MIN_BUYERS:
        return None
    spends = [frame["next_spend"].clip(lower_bound=0.0).to_numpy() for frame, _ in windows]
    levelled = [start + value_offset(np.exp(start), spend) for (_, start), spend in zip(windows, spends, strict=True)]
    rows = matrix(pl.concat([frame for frame, _ in windows]), inputs)
    return lgb.Dataset(rows, label=np.concatenate(spends), init_score=np.concatenate(levelled), free_raw_data=True)


def _spread(amount: lgb.Booster, window: pl.DataFrame) -> tuple[float, ...]:
    """Quantiles of actual over expected spend among the buyers of a window, right on average."""
    bought = (window["next_spend"] > 0).to_numpy()
    if not bought.any():
        return tuple(np.ones(len(SHARES)).tolist())
    log_amount = _log_amount(window)
    foretold = _damped(log_amount, float(log_amount.mean())) + raw(amount, window, AMOUNT_INPUTS)
    ratio = window["next_spend"].to_numpy()[bought] / np.exp(foretold[bought])
    return tuple(np.quantile(ratio / ratio.mean(), SHARES).tolist())
