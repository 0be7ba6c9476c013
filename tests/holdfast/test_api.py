import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest

import holdfast
from serving.schemas.scores import SCORE_COLUMNS
from serving.store.engine import open_store
from serving.store.read import find_scores
from settings.load import load_settings


@pytest.fixture(scope="module")
def workspace(demo: Path) -> "holdfast.Workspace":
    return holdfast.open_workspace(demo / "holdfast.toml")


def test_importing_it_loads_nothing_heavy_and_names_what_there_is(tmp_path: Path) -> None:
    program = "import holdfast, sys; print({'polars', 'lightgbm', 'mlflow', 'scipy'} & set(sys.modules), dir(holdfast))"
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PYTHONPATH": str(Path.cwd())}
    output = subprocess.check_output([sys.executable, "-c", program], text=True, env=clean, cwd=tmp_path)
    assert output.startswith("set() ['BGNBD', ")
    with pytest.raises(AttributeError, match="open_workspace"):
        _ = holdfast.scores


def test_features_have_a_row_per_customer_as_of_the_day(workspace: "holdfast.Workspace") -> None:
    day = date(2024, 6, 1)
    frame = holdfast.features(workspace, day)
    assert frame["as_of"].unique().to_list() == [day]
    assert frame["customer_id"].is_sorted()
    assert frame["customer_id"].is_unique().all()


def test_scores_are_those_of_the_published_run(workspace: "holdfast.Workspace", demo: Path) -> None:
    scores = holdfast.score(workspace)
    assert list(scores.columns) == list(SCORE_COLUMNS)
    store = open_store(load_settings(demo / "holdfast.toml", {}).store_url)
    _, published = find_scores(store, scores["customer_id"].to_list())
    store.dispose()
    row = scores.drop_nulls("p_churn").row(0, named=True)
    stored = published[row["customer_id"]]
    assert {name: row[name] for name in row if name != "scored_at"} == {
        name: stored[name] for name in stored if name != "scored_at"
    }


def test_order_models_fit_frames() -> None:
    frame = pl.DataFrame({"frequency": [0, 2, 5], "recency": [0.0, 30.0, 35.0], "T": [40.0, 39.0, 37.0]})
    assert holdfast.BGNBD().fit(frame).p_alive(frame).is_between(0, 1).all()
