import runpy
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script(demo: Path) -> dict[str, Any]:
    """The global names of the script after its run."""
    with patch("sys.argv", ["own_model", str(demo / "holdfast.toml")]):
        return runpy.run_path(str(ROOT / "docs" / "own_model.py"), run_name="docs.own_model")


def test_the_worked_example_evaluates_its_candidate_beside_the_others(script: dict[str, Any], tmp_path: Path) -> None:
    board = {entry["candidate"]: entry["log_loss"] for entry in script["board"]["churn"]}
    assert set(board) == {"recency_rule", "hybrid", "weekend_logistic"}
    assert board["weekend_logistic"] < board["recency_rule"] * 1.1
    newest = script["result"].fitted[-1]
    newest.model.save(tmp_path)
    loaded = script["WeekendCandidate"]().load(tmp_path)
    assert loaded.p_churn(newest.features).equals(newest.model.p_churn(newest.features))


def test_the_own_features_do_not_look_ahead(script: dict[str, Any]) -> None:
    day = script["snapshots"][0].as_of
    known = script["known_before"](script["tables"], day)
    assert script["weekend"](known, day).equals(script["weekend"](script["tables"], day))
