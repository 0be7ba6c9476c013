import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from features.tables.schema import Tables
from holdfast.demo.simulated.shop import Shop, simulate
from models.errors import TooLittleDataError
from models.trees.training import TreeParams
from settings.sections import Settings, TableSources, Workspace
from training.tree_params import TreeParamsError, read_tree_params
from training.tune import TuningResult, tune

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def shop() -> Shop:
    return simulate(250, 66, seed=21)


def search(
    shop: Shop, folder: Path, trials: int, seed: int = 1, days_before: int = 0
) -> tuple[TuningResult, list[tuple[int, int]]]:
    stages = []
    tables = Tables(**{name: frame.lazy() for name, frame in shop.tables.items()})
    settings = Settings(tables=TableSources("unused"), workspace=Workspace(folder))
    day = shop.as_of - timedelta(days=days_before)
    result = tune(
        settings, tables, day, lambda stage, done, _: stages.append((stage, done)), trials=trials, minutes=None, seed=seed
    )
    return result, [done for stage, done in stages if stage == "trials"]  # type: ignore[return-value]  # numbers


@pytest.mark.slow
def test_the_defaults_are_the_first_trial_and_a_search_is_resumed(shop: Shop, tmp_path: Path) -> None:
    first, steps = search(shop, tmp_path, 1)
    assert (first.trees, first.trials, steps) == (TreeParams(), 1, [0, 1])
    assert first.best_search_loss == pytest.approx(first.default_search_loss)
    assert not first.is_better
    more, steps = search(shop, tmp_path, 3)
    assert (more.trials, steps) == (3, [1, 2, 3])
    assert more.best_search_loss <= first.best_search_loss
    again, steps = search(shop, tmp_path, 3)
    assert (again, steps) == (more, [])
    assert max(more.search_origins) + timedelta(days=90) <= more.test_origin


@pytest.mark.slow
def test_the_same_seed_gives_the_same_result(shop: Shop, tmp_path: Path) -> None:
    first, second = (search(shop, tmp_path / name, 2)[0] for name in ("first", "second"))
    assert first == second


def test_a_log_too_short_for_a_test_origin_is_refused(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(TooLittleDataError, match="Tuning needs two past windows that the hybrid can predict"):
        search(shop, tmp_path, 2, days_before=300)


def test_parameters_are_read_from_their_file_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / "trees.json"
    file.write_text(json.dumps({"num_leaves": 15, "lambda_l2": 3.5}))
    assert read_tree_params(file) == TreeParams(num_leaves=15, lambda_l2=3.5)
    for invalid, key in (({"leaves": 3}, "leaves"), ({"num_leaves": 0}, "num_leaves"), ({"lambda_l2": "much"}, "lambda_l2")):
        file.write_text(json.dumps(invalid))
        with pytest.raises(TreeParamsError, match=f"{key}: "):
            read_tree_params(file)
    file.write_text("{")
    with pytest.raises(TreeParamsError, match="does not hold valid tree parameters: the file: "):
        read_tree_params(file)


@pytest.mark.slow
def test_the_command_reports_the_search_and_train_takes_a_file_of_parameters(
    short_workshop: Path, holdfast: Run, tmp_path: Path
) -> None:
    code, output, _ = holdfast("tune", "--config", short_workshop, "--trials", "1")
    assert (code, "No trial was better than the defaults." in output) == (0, True)
    file = tmp_path / "trees.json"
    file.write_text('{"num_leaves": 4}')
    as_of = "2023-11-06"  # two past windows, without a backtest
    assert holdfast("train", "--config", short_workshop, "--trees", file, "--as-of", as_of)[0] == 0
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{short_workshop.parent / 'workspace' / 'mlflow.db'}")
    [experiment] = [experiment for experiment in client.search_experiments() if experiment.name == "holdfast"]
    newest = client.search_runs([experiment.experiment_id], "tags.mlflow.runName like 'train%'", max_results=1)[0]
    assert newest.data.params["lightgbm.num_leaves"] == "4"
