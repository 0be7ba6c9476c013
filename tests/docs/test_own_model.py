import runpy
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def told(demo: Path) -> dict[str, Any]:
    """The names that the script leaves behind."""
    with patch("sys.argv", ["own_model", str(demo / "holdfast.toml")]):
        return runpy.run_path(str(ROOT / "docs" / "own_model.py"), run_name="docs.own_model")


def test_the_worked_example_judges_the_own_candidate_beside_the_others(told: dict[str, Any], tmp_path: Path) -> None:
    board = {entry["candidate"]: entry["log_loss"] for entry in told["board"]["churn"]}
    assert set(board) == {"recency_rule", "hybrid", "weekend_logistic"}
    assert board["weekend_logistic"] < board["recency_rule"] * 1.1
    model, frame = told["result"].fitted[-1].model, told["result"].fitted[-1].asked
    model.save(tmp_path)
    assert told["WeekendCandidate"]().load(tmp_path).p_churn(frame).equals(model.p_churn(frame))


def test_the_own_features_do_not_look_ahead(told: dict[str, Any]) -> None:
    day = told["snapshots"][0].as_of
    known = told["known_before"](told["tables"], day)
    assert told["weekend"](known, day).equals(told["weekend"](told["tables"], day))
