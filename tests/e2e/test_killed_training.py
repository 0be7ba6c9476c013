import sqlite3
from collections.abc import Callable
from filecmp import dircmp
from pathlib import Path

import pytest

from models.champion import current_champion

Run = Callable[..., tuple[int, str, str]]


def published_runs(folder: Path) -> list[tuple[object, ...]]:
    with sqlite3.connect(f"file:{folder}/workspace/scores.db?immutable=1", uri=True) as store:
        rows = store.execute("select * from scoring_runs").fetchall()
    store.close()
    return rows


@pytest.mark.timeout(600)
@pytest.mark.slow
@pytest.mark.parametrize("copy", ["killed 1", "killed 2"])
def test_a_killed_training_changes_neither_champion_nor_store(
    copy: str, retrained: Path, short_demo: Path, holdfast: Run
) -> None:
    folder = retrained.parent / copy
    assert current_champion(folder / "workspace" / "champion").version == "1"
    assert published_runs(folder) == published_runs(short_demo)
    assert holdfast("score", "--config", folder / "holdfast.toml", "--no-publish")[0] == 0


@pytest.mark.timeout(600)
@pytest.mark.slow
def test_the_training_after_a_kill_completes_and_gives_the_same_champion(
    retrained: Path, tmp_path: Path, copy_shop: Callable[[Path, Path], Path], holdfast: Run
) -> None:
    output = (retrained.parent / "train.txt").read_text()
    assert "is challenger" in output
    version, config = output.split("Version ")[1].split()[0], copy_shop(retrained, tmp_path / "shop")
    assert holdfast("promote", version, "--force", "--config", config)[0] == 0
    champions = config.parent / "workspace" / "champion"
    comparison = dircmp(champions / "1", champions / version)
    assert (comparison.left_only, comparison.right_only, comparison.diff_files) == ([], [], [])
    assert comparison.common_files
