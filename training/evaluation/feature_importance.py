"""What moves the risk: how much each feature counts, how stable that is over past days, and in which direction it works."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, Protocol, runtime_checkable

import numpy as np
import polars as pl

from models.churn.protocol import ChurnModel
from models.trees.boosting import FAMILY_OF
from training.evaluation.backtest import FittedCandidate

MAX_SHOWN, MAX_DRAWN = 15, 6
MAX_ROWS = 2_000
GRID = np.linspace(0.05, 0.95, 10)
START = "order models"


@runtime_checkable
class Explained(Protocol):
    """A churn model that tells what each of its inputs adds."""

    def by_feature(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return one column per input, in log-odds of churn; what it starts from may stand as one more."""
        ...


@dataclass(frozen=True)
class Explanation:
    """`features` and `families` have name, importance, lowest and highest over origins, and share; the largest first.

    Importance is the mean distance from no effect in log-odds of churn. `rank_agreement` is the mean Spearman correlation of
    importances between neighbouring origins, None with one origin. `dependence` holds, per feature of the most important,
    pairs of its value and the mean churn probability of all customers if they had that value.
    """

    candidate: str
    origins: tuple[date, ...]
    features: pl.DataFrame
    families: pl.DataFrame
    rank_agreement: float | None
    dependence: dict[str, list[tuple[float, float]]]

    def to_json(self) -> dict[str, Any]:
        """Return all of it as data."""
        return {
            "candidate": self.candidate,
            "origins": [origin.isoformat() for origin in self.origins],
            "features": self.features.head(MAX_SHOWN).to_dicts(),
            "families": self.families.to_dicts(),
            "rank_agreement": self.rank_agreement,
            "dependence": self.dependence,
        }


def explain(fitted: Sequence[FittedCandidate], best_first: Sequence[str]) -> Explanation | None:
    """Return what the models of the best candidate that can tell say of the customers they were asked about, origin by origin.

    None where there is no origin, or no candidate can tell.
    """
    able = {each.model.name for each in fitted if isinstance(each.model, Explained)}
    chosen = next((name for name in best_first if name in able), None)
    told = [(each, each.model, _sample(each.asked)) for each in fitted if each.model.name == chosen]
    counts = [_importance(model.by_feature(frame)) for _, model, frame in told if isinstance(model, Explained)]
    if chosen is None or not counts:
        return None
    features = _over_origins(counts)
    newest, model, frame = told[-1]
    drawn = [name for name in features["name"] if name in newest.asked.columns][:MAX_DRAWN]
    return Explanation(
        chosen,
        tuple(each.origin for each, _, _ in told),
        features,
        _over_origins([_of_families(count) for count in counts]),
        _agreement(counts),
        {name: dependence(model, frame, name) for name in drawn},
    )


def dependence(model: ChurnModel, frame: pl.DataFrame, feature: str) -> list[tuple[float, float]]:
    """Return partial dependence (Friedman 2001, doi:10.1214/aos/1013203451) at ten quantiles of the feature.

    The mean churn probability of the rows with the feature set to that value, all else as it is.
    """
    values = frame[feature].cast(pl.Float64).drop_nulls().to_numpy()
    if not len(values):
        return []
    marks = np.unique(np.quantile(values, GRID, method="nearest"))
    asked = (model.p_churn(frame.with_columns(pl.lit(mark).alias(feature))).to_numpy() for mark in marks)
    return [(float(mark), float(p.mean())) for mark, p in zip(marks, asked, strict=True)]


def _sample(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.gather_every(-(-frame.height // MAX_ROWS)) if frame.height > MAX_ROWS else frame


def _importance(shares: pl.DataFrame) -> pl.DataFrame:
    means = shares.select(pl.all().abs().mean())
    return pl.DataFrame({"name": means.columns, "importance": np.asarray(means.row(0), dtype=np.float64)})


def _of_families(count: pl.DataFrame) -> pl.DataFrame:
    named = count.with_columns(pl.col("name").replace_strict(FAMILY_OF, default=START, return_dtype=pl.String))
    return named.group_by("name").agg(pl.col("importance").sum())


def _over_origins(counts: list[pl.DataFrame]) -> pl.DataFrame:
    value = pl.col("importance")
    found = pl.concat(counts).group_by("name").agg(value.mean(), value.min().alias("lowest"), value.max().alias("highest"))
    share = (value / value.sum()).alias("share")
    return found.sort("importance", "name", descending=[True, False]).with_columns(share)


def _agreement(counts: list[pl.DataFrame]) -> float | None:
    pairs = [one.join(other, on="name") for one, other in pairwise(counts)]
    found = [pair.select(pl.corr("importance", "importance_right", method="spearman")).item() for pair in pairs]
    return float(np.mean(found)) if found else None
