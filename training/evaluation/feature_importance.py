"""What moves the churn risk: how much each feature matters, how stable that is over past days, and in which direction it acts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import polars as pl

from models.churn.protocol import ChurnModel
from models.trees.boosting import FEATURE_FAMILY
from training.evaluation.backtest_result import FittedCandidate

MAX_SHOWN, MAX_DEPENDENCE = 15, 6
MAX_ROWS = 2_000
QUANTILE_GRID = np.linspace(0.05, 0.95, 10)
ORDER_MODEL_FAMILY = "order models"


@runtime_checkable
class ExplainableModel(Protocol):
    """A churn model that attributes its predictions to its inputs."""

    def by_feature(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return one column per input, in log-odds of churn; the model's starting point may be one more column."""
        ...


@dataclass(frozen=True)
class Explanation:
    """Importance of features and families, its stability over origins, and partial dependence.

    `features` and `families` have name, importance, lowest and highest over origins, and share; the largest first. Importance is
    the mean absolute effect in log-odds of churn. `rank_agreement` is the mean Spearman correlation of importances between
    neighbouring origins, None with one origin. `dependence` holds, for each of the most important features, pairs of its value
    and the mean churn probability if all customers had that value.
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

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_json` kept: of the features, the most important ones."""
        return cls(
            candidate=data["candidate"],
            origins=tuple(date.fromisoformat(origin) for origin in data["origins"]),
            features=pl.DataFrame(data["features"]),
            families=pl.DataFrame(data["families"]),
            rank_agreement=data["rank_agreement"],
            dependence={name: [(value, p) for value, p in pairs] for name, pairs in data["dependence"].items()},
        )


def explain(fitted: Sequence[FittedCandidate], best_first: Sequence[str]) -> Explanation | None:
    """Return the explanation of the best explainable candidate, from its model at each origin.

    None where there is no origin, or no candidate is explainable.
    """
    explainable = {entry.model.name for entry in fitted if isinstance(entry.model, ExplainableModel)}
    chosen = next((name for name in best_first if name in explainable), None)
    models = [(entry, entry.model, _sample(entry.features)) for entry in fitted if entry.model.name == chosen]
    importances = [_importance(model.by_feature(frame)) for _, model, frame in models if isinstance(model, ExplainableModel)]
    if chosen is None or not importances:
        return None
    features = _over_origins(importances)
    newest, model, frame = models[-1]
    most_important = [name for name in features["name"] if name in newest.features.columns][:MAX_DEPENDENCE]
    return Explanation(
        candidate=chosen,
        origins=tuple(entry.origin for entry, _, _ in models),
        features=features,
        families=_over_origins([_by_family(importance) for importance in importances]),
        rank_agreement=_rank_agreement(importances),
        dependence={name: dependence(model, frame, name) for name in most_important},
    )


def dependence(model: ChurnModel, frame: pl.DataFrame, feature: str) -> list[tuple[float, float]]:
    """Return partial dependence (Friedman 2001, doi:10.1214/aos/1013203451) at ten quantiles of the feature.

    The mean churn probability of the rows with the feature set to that value, and all other features unchanged.
    """
    values = frame[feature].cast(pl.Float64).drop_nulls().to_numpy()
    if not len(values):
        return []
    grid = np.unique(np.quantile(values, QUANTILE_GRID, method="nearest"))
    predictions = (model.p_churn(frame.with_columns(pl.lit(value).alias(feature))).to_numpy() for value in grid)
    return [(float(value), float(p.mean())) for value, p in zip(grid, predictions, strict=True)]


def _sample(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.gather_every(-(-frame.height // MAX_ROWS)) if frame.height > MAX_ROWS else frame


def _importance(effects: pl.DataFrame) -> pl.DataFrame:
    means = effects.select(pl.all().abs().mean())
    return pl.DataFrame({"name": means.columns, "importance": np.asarray(means.row(0), dtype=np.float64)})


def _by_family(importance: pl.DataFrame) -> pl.DataFrame:
    family = pl.col("name").replace_strict(FEATURE_FAMILY, default=ORDER_MODEL_FAMILY, return_dtype=pl.String)
    return importance.with_columns(family).group_by("name").agg(pl.col("importance").sum())


def _over_origins(importances: list[pl.DataFrame]) -> pl.DataFrame:
    value = pl.col("importance")
    summary = pl.concat(importances).group_by("name").agg(value.mean(), value.min().alias("lowest"), value.max().alias("highest"))
    share = (value / value.sum()).alias("share")
    return summary.sort("importance", "name", descending=[True, False]).with_columns(share)


def _rank_agreement(importances: list[pl.DataFrame]) -> float | None:
    pairs = [earlier.join(later, on="name") for earlier, later in pairwise(importances)]
    correlations = [pair.select(pl.corr("importance", "importance_right", method="spearman")).item() for pair in pairs]
    return float(np.mean(correlations)) if correlations else None
