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


def training(config: Path) -> subprocess.Popen[str]:
    """A `train` in a process of its own, whose lines can be read as they come."""
    arguments = [sys.executable, "-u", "-m", "holdfast", "train", "--config", str(config)]
    environment = os.environ | {"PYTHONHASHSEED": "random"}
    return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def killed_at(config: Path, stage: str) -> None:
    process = training(config)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(stage):
            break
    else:
        pytest.fail(f"training ended before {stage}")
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


def published(config: Path) -> list[tuple[object, ...]]:
    with sqlite3.connect(config.parent / "workspace" / "scores.db") as store:
        rows = store.execute("select * from scoring_runs").fetchall()
    store.close()
    return rows


@pytest.mark.timeout(600)
def test_a_killed_training_leaves_champion_and_store_as_they_were_and_the_next_one_completes(
    workshop: Path, holdfast: Run
) -> None:
    champions, before = workshop.parent / "workspace" / "champion", published(workshop)
    for stage in ("backtest", "logging to MLflow"):
        killed_at(workshop, stage)
        assert current_champion(champions).version == "1"
        assert published(workshop) == before
        assert holdfast("score", "--config", workshop, "--no-publish")[0] == 0
    code, said, _ = holdfast("train", "--config", workshop)
    assert (code, "is challenger" in said) == (0, True)
    version = said.split("Version ")[1].split()[0]
    assert holdfast("promote", version, "--force", "--config", workshop)[0] == 0
    same = dircmp(champions / "1", champions / version)
    assert (same.left_only, same.right_only, same.diff_files) == ([], [], [])
    assert same.common_files
