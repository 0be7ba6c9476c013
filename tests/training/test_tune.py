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
from training.tune import TreeParamsError, Tuned, read_trees, tune

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def shop() -> Shop:
    return simulate(400, 80, seed=21)


def search(shop: Shop, folder: Path, trials: int, seed: int = 1, days_before: int = 0) -> tuple[Tuned, list[tuple[int, int]]]:
    steps = []
    tables = Tables(**{name: frame.lazy() for name, frame in shop.tables.items()})
    settings = Settings(tables=TableSources("unused"), workspace=Workspace(folder))
    day = shop.as_of - timedelta(days=days_before)
    found = tune(settings, tables, day, lambda stage, done, _: steps.append((stage, done)), trials, None, seed)
    return found, [done for stage, done in steps if stage == "trials"]  # type: ignore[return-value]  # numbers


def test_the_defaults_come_first_and_a_search_goes_on_where_it_ended(shop: Shop, tmp_path: Path) -> None:
    first, steps = search(shop, tmp_path, 1)
    assert (first.trees, first.trials, steps) == (TreeParams(), 1, [0, 1])
    assert first.found_searched == pytest.approx(first.default_searched)
    assert not first.holds
    more, steps = search(shop, tmp_path, 4)
    assert (more.trials, steps) == (4, [1, 2, 3, 4])
    assert more.found_searched <= first.found_searched
    again, steps = search(shop, tmp_path, 4)
    assert (again, steps) == (more, [])
    assert max(more.searched) + timedelta(days=90) <= more.judged


def test_the_same_seed_finds_the_same(shop: Shop, tmp_path: Path) -> None:
    one, other = (search(shop, tmp_path / name, 3)[0] for name in ("one", "other"))
    assert one == other


def test_a_log_too_short_to_judge_by_says_so(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(TooLittleDataError, match="Tuning needs two past windows that the hybrid can foretell"):
        search(shop, tmp_path, 2, days_before=300)


def test_parameters_come_back_from_their_file_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / "trees.json"
    file.write_text(json.dumps({"num_leaves": 15, "lambda_l2": 3.5}))
    assert read_trees(file) == TreeParams(num_leaves=15, lambda_l2=3.5)
    for wrong, named in (({"leaves": 3}, "leaves"), ({"num_leaves": 0}, "num_leaves"), ({"lambda_l2": "much"}, "lambda_l2")):
        file.write_text(json.dumps(wrong))
        with pytest.raises(TreeParamsError, match=f"{named}: "):
            read_trees(file)
    file.write_text("{")
    with pytest.raises(TreeParamsError, match="holds no parameters of trees: the file: "):
        read_trees(file)


def test_the_command_says_what_it_found_and_training_takes_it(workshop: Path, holdfast: Run, tmp_path: Path) -> None:
    code, said, _ = holdfast("tune", "--config", workshop, "--trials", "1")
    assert (code, "The defaults are the best of them." in said) == (0, True)
    file = tmp_path / "trees.json"
    file.write_text('{"num_leaves": 4}')
    assert holdfast("train", "--config", workshop, "--trees", file)[0] == 0
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{workshop.parent / 'workspace' / 'mlflow.db'}")
    [experiment] = [each for each in client.search_experiments() if each.name == "holdfast"]
    newest = client.search_runs([experiment.experiment_id], "tags.mlflow.runName like 'train%'", max_results=1)[0]
    assert newest.data.params["lightgbm.num_leaves"] == "4"
