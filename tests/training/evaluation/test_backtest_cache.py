import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from models.registry import CANDIDATES
from training.contestants import Contestants
from training.evaluation import backtest_cache
from training.evaluation.backtest_cache import KeptBacktest, backtest_key, find_backtest, keep_backtest
from training.evaluation.backtest_result import Backtest
from training.evaluation.feature_importance import Explanation

ROOT = Path(__file__).resolve().parents[3]
DAY = date(2025, 1, 1)
FRAME = pl.DataFrame({"customer_id": ["a", "b"], "origin": [DAY] * 2, "churned": [0.0, 1.0], "p:hybrid": [0.2, None]})
FIGURES = pl.DataFrame({"name": ["recency"], "importance": [0.4], "lowest": [0.3], "highest": [0.5], "share": [1.0]})
EXPLANATION = Explanation("hybrid", (date(2025, 1, 1),), FIGURES, FIGURES, None, {"recency_days": [(3.0, 0.2), (90.0, 0.7)]})
KEPT = KeptBacktest(Backtest(FRAME, {"lightgbm": "too few rows"}), EXPLANATION, ["A note."], 90)


def test_a_kept_backtest_is_found_by_its_key_only(tmp_path: Path) -> None:
    assert find_backtest(tmp_path, "k1") is None
    keep_backtest(tmp_path, "k1", KEPT)
    found = find_backtest(tmp_path, "k1")
    assert found is not None
    assert found.result.frame is not None
    assert found.result.frame.equals(FRAME)
    assert (found.result.limits, found.notes, found.horizon_days) == ({"lightgbm": "too few rows"}, ["A note."], 90)
    assert found.explanation is not None
    assert found.explanation.to_json() == EXPLANATION.to_json()
    assert find_backtest(tmp_path, "k2") is None
    keep_backtest(tmp_path, "k2", replace(KEPT, explanation=None))
    assert find_backtest(tmp_path, "k1") is None
    assert find_backtest(tmp_path, "k2") is not None


@pytest.mark.parametrize("file", ["predictions.parquet", "backtest.json"])
def test_a_damaged_or_incomplete_one_does_not_count(tmp_path: Path, file: str) -> None:
    keep_backtest(tmp_path, "k", KEPT)
    (tmp_path / "backtest" / file).write_bytes(b"cut")
    assert find_backtest(tmp_path, "k") is None
    (tmp_path / "backtest" / file).unlink()
    assert find_backtest(tmp_path, "k") is None


def test_one_with_erased_rows_does_not_count_and_one_without_a_past_day_is_not_kept(tmp_path: Path) -> None:
    keep_backtest(tmp_path, "k", KEPT)
    FRAME.head(1).write_parquet(tmp_path / "backtest" / "predictions.parquet")
    assert find_backtest(tmp_path, "k") is None
    keep_backtest(tmp_path, "k", replace(KEPT, result=Backtest(None, {})))
    assert find_backtest(tmp_path, "k") is None


def test_the_key_is_the_same_in_every_process() -> None:
    imports = (
        "from training.contestants import Contestants as C; from training.evaluation.backtest_cache import backtest_key as k"
    )
    command = [sys.executable, "-c", f"{imports}; print(k({{}}, C()))"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert printed.stdout.strip() == backtest_key({}, Contestants())


def test_the_key_depends_on_inputs_contestants_and_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = {"as_of": date(2025, 1, 1), "digests": {"transactions": "1f"}}
    keys = {
        backtest_key(inputs, Contestants()),
        backtest_key(inputs | {"as_of": date(2025, 1, 2)}, Contestants()),
        backtest_key(inputs, Contestants(CANDIDATES[:3])),
        backtest_key(inputs, Contestants(origins=2)),
    }
    assert backtest_key(dict(reversed(inputs.items())), Contestants()) in keys
    assert len(keys) == 4
    monkeypatch.setattr(backtest_cache, "ROOT", tmp_path)
    assert backtest_key(inputs, Contestants()) not in keys
