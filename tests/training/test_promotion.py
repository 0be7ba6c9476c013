import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from expectations.load import load_tables, utc_now
from features.build import build_features
from features.dates import checked_as_of
from features.windows import windows
from models.champion import current_champion
from settings.load import load_settings

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def workshop(demo: Path, tmp_path: Path) -> Path:
    """A copy of the finished demo that a test may change; returns its configuration."""
    shutil.copytree(demo, tmp_path / "shop")
    moved = str(tmp_path / "shop")
    with sqlite3.connect(tmp_path / "shop" / "workspace" / "mlflow.db") as registry:
        for table, column in (
            ("model_versions", "storage_location"),
            ("model_versions", "source"),
            ("runs", "artifact_uri"),
            ("experiments", "artifact_location"),
            ("logged_models", "artifact_location"),
        ):
            registry.execute(f"update {table} set {column} = replace({column}, ?, ?)", (str(demo), moved))  # noqa: S608  # fixed names
    registry.close()
    return tmp_path / "shop" / "holdfast.toml"


def test_a_second_training_is_challenger_until_promoted(workshop: Path, holdfast: Run) -> None:
    champions = workshop.parent / "workspace" / "champion"
    code, said, _ = holdfast("train", "--config", workshop)
    assert (code, current_champion(champions).version) == (0, "1")
    assert "Version 2" in said
    assert "is challenger" in said
    assert holdfast("promote", "--config", workshop)[1] == "Version 2 is champion.\n"
    assert current_champion(champions).version == "2"
    code, _, problem = holdfast("promote", "--config", workshop)
    assert (code, problem) == (2, "There is no challenger to promote; run `train` first, or name a version.\n")
    assert holdfast("promote", "1", "--config", workshop)[1] == "Version 1 is champion.\n"


def test_an_unknown_version_is_refused(workshop: Path, holdfast: Run) -> None:
    code, _, problem = holdfast("promote", "17", "--config", workshop)
    assert (code, "There is no version 17" in problem) == (2, True)


def test_the_registered_model_answers_like_the_champion_without_the_repository(workshop: Path) -> None:
    import mlflow

    settings = load_settings(workshop, {})
    mlflow.set_tracking_uri(settings.mlflow_uri)
    tables, _ = load_tables(settings, utc_now())
    as_of = checked_as_of(tables, None, utc_now().date())
    active = windows(settings.churn, tables, as_of).active_days
    champion = current_champion(settings.workspace.path / "champion")
    buyers = build_features(tables, as_of, active, settings.loyalty, champion.norms).filter(pl.col("orders") > 0)
    expected = champion.churn.p_churn(champion.btyd.with_columns(buyers, champion.terms.horizon_days))
    model = mlflow.pyfunc.load_model("models:/holdfast-churn@champion")
    taken = model.metadata.get_input_schema().input_names()
    assert list(model.predict(buyers.select(taken).to_pandas())) == pytest.approx(expected.to_list())


def test_runs_show_parameters_metrics_charts_and_a_dataset_but_no_customer(workshop: Path) -> None:
    from mlflow import MlflowClient

    settings = load_settings(workshop, {})
    client = MlflowClient(settings.mlflow_uri)
    [experiment] = [each for each in client.search_experiments() if each.name == "holdfast"]
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    parent = next(run for name, run in runs.items() if name.startswith("train"))
    assert {"churn: lightgbm", "churn: bgnbd", "churn: hybrid", "churn: recency_rule", "value: same_as_last_period"} <= set(runs)
    assert parent.data.params["horizon_days"] == "91"
    assert runs["churn: lightgbm"].data.metrics["log_loss"] < runs["churn: recency_rule"].data.metrics["log_loss"] * 1.2
    assert {item.path for item in client.list_artifacts(parent.info.run_id, "charts")} == {
        "charts/calibration.png",
        "charts/lift.png",
    }
    assert parent.inputs.dataset_inputs[0].dataset.digest
    files = [path for path in (settings.workspace.path / "mlruns").rglob("*") if path.is_file() and path.suffix != ".png"]
    words = {word for path in files for word in re.findall(r"[\w.]+", path.read_text(encoding="utf-8", errors="ignore"))}
    ids = pl.read_parquet(settings.workspace.path / "tables" / "customers.parquet")["customer_id"]
    assert files
    assert words.isdisjoint(ids.to_list())
