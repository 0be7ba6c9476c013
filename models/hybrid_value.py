"""What a customer will spend in the churn window: order models first, then trees, and a level for all; with a spread."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import lightgbm as lgb
import numpy as np
import polars as pl
from scipy.special import expit

from models.boosting import FEWEST_BUYERS, INPUTS, Trees, learn, matrix, raw, sampled
from models.errors import TooLittleData
from models.files import read_json, write_json
from models.hybrid_churn import HybridCandidate, HybridChurn
from models.level import value_level
from models.log_odds import EDGE, Array
from models.snapshot import Snapshot
from models.value_model import FILE, FOLDER

NAME = "hybrid"
BOOSTERS = {"total": "total.lgb.txt", "amount": "amount.lgb.txt"}
SHARES = np.linspace(0.005, 0.995, 100)
LEAST = 0.01  # of the currency: what a mean is at least, so that it has a logarithm
TREES = Trees(learning_rate=0.03)


@dataclass(frozen=True)
class HybridValue:
    """Two ways to the mean, each by trees that start from the order models, and how spend lies around it.

    `total` learns spend at once (Tweedie), `amount` that of those who buy (gamma), times the hybrid's probability to buy; the
    mean is the geometric mean of both. `spread` holds the quantiles at SHARES of actual over expected spend of buyers.
    """

    churn: HybridChurn
    total: lgb.Booster
    amount: lgb.Booster
    spread: tuple[float, ...]
    name: str = NAME

    def expected(self, frame: pl.DataFrame) -> pl.Series:
        """Return the expected spend, the level of the window ahead included."""
        level = np.exp(frame["btyd_value_level"].to_numpy())
        total = np.exp(_log_total(frame) + raw(self.total, frame)) * level
        return pl.Series("value", np.sqrt(total * (1 - expit(self.churn.shape(frame))) * self._amount(frame) * level))

    def quantile(self, frame: pl.DataFrame, at: float) -> pl.Series:
        """Return the quantile of a spend that is 0 with the churn probability, else spread around its mean."""
        p = self.churn.p_churn(frame).to_numpy()
        share = (at - p) / np.maximum(1 - p, EDGE)
        around = np.interp(share, SHARES, self.spread)
        of_buyers = self.expected(frame).to_numpy() / np.maximum(1 - p, EDGE)
        return pl.Series("value", np.where(share > 0, of_buyers * around, 0.0))

    def _amount(self, frame: pl.DataFrame) -> Array:
        amount: Array = np.exp(_log_amount(frame) + raw(self.amount, frame))
        return amount

    def save(self, folder: Path) -> None:
        """Write boosters and spread into a folder of their own."""
        own = folder / FOLDER
        own.mkdir(parents=True, exist_ok=True)
        self.churn.save(own)
        for name, file in BOOSTERS.items():
            (own / file).write_text(getattr(self, name).model_to_string(), encoding="utf-8")
        write_json(own / FILE, {"name": NAME, "spread": self.spread})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        own = folder / FOLDER
        total, amount = (lgb.Booster(model_str=(own / file).read_text(encoding="utf-8")) for file in BOOSTERS.values())
        return cls(HybridChurn.load(own), total, amount, tuple(read_json(own / FILE)["spread"]))


@dataclass(frozen=True)
class HybridValueCandidate:
    """Learns from every closed window, each with its own level taken out first."""

    trees: Trees = TREES
    name: str = NAME

    def fit(self, history: list[Snapshot], present: pl.DataFrame) -> HybridValue:
        """Return the model. Raises TooLittleData below 100 buyers, and where the churn hybrid does.

        The spread comes from the newest window, as foretold by trees of the windows closed before it began; where there are
        none, as foretold by trees that have seen it.
        """
        churn = HybridCandidate().fit(history, present)
        bought = sum(int((frame["next_spend"] > 0).sum()) for frame in sampled(history))
        if bought < FEWEST_BUYERS:
            raise TooLittleData(f"Spend is learned from at least {FEWEST_BUYERS} customer windows with some; found {bought}.")
        total, _ = learn(self.trees.parameters(objective="tweedie", tweedie_variance_power=1.5), _total_rows, history)
        amount, foretold = learn(self.trees.parameters(objective="gamma"), _amount_rows, history)
        return HybridValue(churn, total, amount, _spread(foretold, history[-1].frame))

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


def _total_rows(frames: list[pl.DataFrame]) -> lgb.Dataset | None:
    return _dataset(frames, _log_total)


def _amount_rows(frames: list[pl.DataFrame]) -> lgb.Dataset | None:
    return _dataset([frame.filter(pl.col("next_spend") > 0) for frame in frames], _log_amount)


def _dataset(frames: list[pl.DataFrame], start: Callable[[pl.DataFrame], Array]) -> lgb.Dataset | None:
    """Rows with their spend, and a start to which each window's own level is added first; None of too few buyers."""
    windows = [frame for frame in frames if (frame["next_spend"] > 0).any()]
    if sum(int((window["next_spend"] > 0).sum()) for window in windows) < FEWEST_BUYERS:
        return None
    spends = [window["next_spend"].clip(lower_bound=0.0).to_numpy() for window in windows]
    starts = [base + value_level(np.exp(base), spend) for base, spend in zip(map(start, windows), spends, strict=True)]
    rows = matrix(pl.concat(windows), INPUTS)
    return lgb.Dataset(rows, label=np.concatenate(spends), init_score=np.concatenate(starts), free_raw_data=True)


def _spread(amount: lgb.Booster, window: pl.DataFrame) -> tuple[float, ...]:
    """Quantiles of actual over expected spend among the buyers of a window, right on average."""
    buyers = window.filter(pl.col("next_spend") > 0)
    if buyers.is_empty():
        return tuple(np.ones(len(SHARES)).tolist())
    ratio = buyers["next_spend"].to_numpy() / np.exp(_log_amount(buyers) + raw(amount, buyers))
    return tuple(np.quantile(ratio / ratio.mean(), SHARES).tolist())
