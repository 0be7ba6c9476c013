from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from models.churn.order_columns import OrderColumnChurn
from training.evaluation.backtest_result import FittedCandidate
from training.evaluation.feature_importance import Explanation, dependence, explain
from training.reports.importance_charts import draw_explanation


@dataclass(frozen=True)
class LinearModel:
    """Log-odds that rise by `slope` per day of silence and fall with spend."""

    slope: float
    name: str = "line"

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        return pl.Series("p_churn", expit(self.by_feature(frame).sum_horizontal().to_numpy()))

    def by_feature(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.select(pl.col("recency_days") * self.slope, pl.col("spend_90") * -0.01, pl.lit(0.2).alias("BG/NBD"))

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        return self.by_feature(frame)

    def save(self, folder: Path) -> None:
        """Save nothing."""


FRAME = pl.DataFrame({"recency_days": np.linspace(0, 100, 3_001), "spend_90": np.full(3_001, 50.0)})


@pytest.fixture
def explanation() -> Explanation:
    days = (date(2025, 1, 1), date(2025, 4, 1))
    fitted = [FittedCandidate(day, LinearModel(slope), FRAME) for day, slope in zip(days, (0.02, 0.04), strict=True)]
    others = [FittedCandidate(day, OrderColumnChurn(), FRAME) for day in days]
    result = explain([*others, *fitted], ["bgnbd", "line"])
    assert result is not None
    return result


def test_importance_is_the_mean_effect_with_its_range_over_origins(explanation: Explanation) -> None:
    assert (explanation.candidate, explanation.origins) == ("line", (date(2025, 1, 1), date(2025, 4, 1)))
    first = explanation.features.row(0, named=True)
    assert first["name"] == "recency_days"
    assert (first["lowest"], first["importance"], first["highest"]) == pytest.approx((1.0, 1.5, 2.0))
    assert explanation.features["share"].sum() == pytest.approx(1.0)
    assert explanation.families["name"].to_list() == ["recency", "spend", "order models"]
    assert explanation.rank_agreement == pytest.approx(1.0)


def test_dependence_follows_the_model_at_observed_values(explanation: Explanation) -> None:
    points = explanation.dependence["recency_days"]
    assert len(points) == 10
    assert [p for _, p in points] == pytest.approx([expit(0.04 * value - 0.5 + 0.2) for value, _ in points])
    assert len(dependence(LinearModel(0.02), FRAME, "spend_90")) == 1
    assert dependence(LinearModel(0.02), FRAME.with_columns(spend_90=pl.lit(None, pl.Float64)), "spend_90") == []
    assert "BG/NBD" not in explanation.dependence


def test_without_an_explainable_model_there_is_no_explanation() -> None:
    assert explain([], []) is None
    assert explain([FittedCandidate(date(2025, 1, 1), OrderColumnChurn(), FRAME)], ["bgnbd"]) is None


def test_an_explanation_is_data_and_two_charts(explanation: Explanation) -> None:
    data = explanation.to_json()
    assert data["features"][0]["name"] == "recency_days"
    assert [picture.file for picture in draw_explanation(explanation)] == ["importance.png", "dependence.png"]
    assert all(picture.png.startswith(b"\x89PNG") for picture in draw_explanation(explanation))
