import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from filecmp import dircmp
from pathlib import Path

import pytest

from models.champion import current_champion

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., tuple[int, str, str]]


def start_training(config: Path) -> subprocess.Popen[str]:
    """Start `train` in a process of its own, whose output can be read line by line."""
    arguments = [sys.executable, "-u", "-m", "holdfast", "train", "--config", str(config)]
    environment = os.environ | {"PYTHONHASHSEED": "random"}
    return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def kill_training_at(config: Path, stage: str) -> None:
    process = start_training(config)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(stage):
            break
    else:
        pytest.fail(f"training ended before {stage}")
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


def published_runs(config: Path) -> list[tuple[object, ...]]:
    with sqlite3.connect(config.parent / "workspace" / "scores.db") as store:
        rows = store.execute("select * from scoring_runs").fetchall()
    store.close()
    return rows


@pytest.mark.timeout(600)
@pytest.mark.slow
def test_a_killed_training_changes_neither_champion_nor_store_and_the_next_one_completes(workshop: Path, holdfast: Run) -> None:
    champions, runs = workshop.parent / "workspace" / "champion", published_runs(workshop)
    for stage in ("backtest", "logging to MLflow"):
        kill_training_at(workshop, stage)
        assert current_champion(champions).version == "1"
        assert published_runs(workshop) == runs
        assert holdfast("score", "--config", workshop, "--no-publish")[0] == 0
    code, output, _ = holdfast("train", "--config", workshop)
    assert (code, "is challenger" in output) == (0, True)
    version = output.split("Version ")[1].split()[0]
    assert holdfast("promote", version, "--force", "--config", workshop)[0] == 0
    comparison = dircmp(champions / "1", champions / version)
    assert (comparison.left_only, comparison.right_only, comparison.diff_files) == ([], [], [])
    assert comparison.common_files
