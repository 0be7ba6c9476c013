"""A copied or moved workspace reads and writes its own artifacts, and leaves the original alone."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from training.registry import mlflow_client as tracking
from training.registry.moved_workspace import PATHS


def paths_of(database: Path) -> set[str]:
    with sqlite3.connect(database) as registry:
        rows = [registry.execute(f"select {column} from {table}").fetchall() for table, column in PATHS]  # noqa: S608  # fixed names
    registry.close()
    return {str(path) for column in rows for (path,) in column if path}


def files_of(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_training_in_a_copy_writes_into_the_copy(shop: Any) -> None:  # noqa: ANN401  # a fixture
    shop.train(1.5)
    before, copy = files_of(shop.folder), shop.copy("work")  # a name that begins like the original's
    assert any(path.startswith(f"{shop.folder}/") for path in paths_of(copy.folder / "mlflow.db"))
    assert copy.train(2.5)[0] == "2"
    assert files_of(shop.folder) == before
    assert not any(path.startswith(f"{shop.folder}/") for path in paths_of(copy.folder / "mlflow.db"))
    assert sum(path.startswith(f"{copy.folder}/mlruns/") for path in paths_of(copy.folder / "mlflow.db")) > 1
    copy.promote("2")
    assert copy.current == ("2", 2.5)
    assert copy.rollback()[1] == "1"
    assert shop.train(3.5)[0] == "2"
    assert shop.current == ("1", 1.5)


def test_a_moved_workspace_finds_its_earlier_versions(shop: Any, tmp_path: Path) -> None:  # noqa: ANN401  # a fixture
    shop.train(1.5)
    moved = replace(shop, folder=shop.folder.rename(tmp_path / "elsewhere"))
    assert moved.train(2.5)[0] == "2"
    with tracking.downloaded("1") as folder:
        assert (folder / "champion.json").is_file()
    assert not shop.folder.exists()


def test_a_store_outside_the_workspace_may_serve_others_and_stays(make_shop: Callable[[str], Any], tmp_path: Path) -> None:
    first = make_shop("first")
    shared = (first.folder / "mlflow.db").rename(tmp_path / "shared.db")
    replace(first, uri=f"sqlite:///{shared}").train(1.5)
    before = paths_of(shared)
    (tmp_path / "second").mkdir()
    tracking.connect(replace(first, folder=tmp_path / "second", uri=f"sqlite:///{shared}").settings)
    assert paths_of(shared) == before
