import runpy
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from features.point_in_time import known_before

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script(demo: Path) -> dict[str, Any]:
    """The global names of the script after its run."""
    with patch("sys.argv", ["own_model", str(demo / "holdfast.toml")]):
        return runpy.run_path(str(ROOT / "docs" / "own_model.py"), run_name="docs.own_model")


def test_the_worked_example_evaluates_its_candidate_beside_the_others(script: dict[str, Any], tmp_path: Path) -> None:
    losses = dict(script["comparison"].churn.select("candidate", "log_loss").iter_rows())
    assert set(losses) == {"recency_rule", "hybrid", "weekend_logistic"}
    assert losses["weekend_logistic"] < losses["recency_rule"] * 1.1
    newest = script["comparison"].result.fitted[-1]
    newest.model.save(tmp_path)
    loaded = script["WeekendCandidate"]().load(tmp_path)
    assert loaded.p_churn(newest.features).equals(newest.model.p_churn(newest.features))


def test_the_own_features_do_not_look_ahead(script: dict[str, Any]) -> None:
    tables = script["workspace"].tables
    day = script["workspace"].as_of - timedelta(days=180)
    assert script["weekend"](known_before(tables, day), day).equals(script["weekend"](tables, day))
