import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from expectations.validation.gate import load_tables
from features.as_of import resolve_as_of
from features.build import build_features
from features.order_rhythm import order_rhythm
from features.tables.schema import Tables
from features.windows import churn_windows
from models.champion import current_champion
from models.churn.order_columns import OrderColumnChurn
from models.churn.recency_rule import RecencyRule
from models.track_record import TrackRecord
from settings.clock import utc_now
from settings.load import load_settings
from training.registry.promotion import failed_gates

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def second_training(retrained: Path, tmp_path: Path, copy_shop: Callable[[Path, Path], Path]) -> Path:
    """The configuration of a copy of the shop after its second training."""
    return copy_shop(retrained, tmp_path / "second")


@pytest.mark.slow
def test_a_second_training_is_challenger_until_promoted(second_training: Path, retrained: Path, holdfast: Run) -> None:
    workshop, output = second_training, (retrained.parent / "train.txt").read_text()
    champions = workshop.parent / "workspace" / "champion"
    assert current_champion(champions).version == "1"
    assert "Version 2" in output
    assert "is challenger" in output
    assert holdfast("promote", "--config", workshop)[1] == "Version 2 is champion.\n"
    assert current_champion(champions).version == "2"
    code, _, problem = holdfast("promote", "--config", workshop)
    assert (code, problem) == (2, "There is no challenger to promote; run `train` first, or name a version.\n")
    assert holdfast("promote", "1", "--config", workshop)[1] == "Version 1 is champion.\n"


@pytest.mark.slow
def test_rollback_restores_the_previous_champion_and_then_refuses(second_training: Path, retrained: Path, holdfast: Run) -> None:
    workshop = second_training
    champions = workshop.parent / "workspace" / "champion"
    previous = current_champion(champions).version
    version = (retrained.parent / "train.txt").read_text().split("Version ")[1].split()[0]
    assert holdfast("promote", "--config", workshop)[1] == f"Version {version} is champion.\n"
    code, output, _ = holdfast("rollback", "--config", workshop)
    assert (code, output) == (0, f"Version {previous} is champion again, in place of version {version}.\n")
    assert current_champion(champions).version == previous
    assert holdfast("rollback", "--config", workshop)[2] == "There is no previous champion to go back to.\n"


PASSING = {
    "log_loss": 0.30,
    "baseline_log_loss": 0.40,
    "calibration_error": 0.02,
    "calibration_floor": 0.01,
    "worst_segment": 0.9,
}
NOT_BETTER = (
    "is not significantly better than order_model, the kind of the champion: "
    "the upper end of the 95 % interval of the difference in log-loss is +0.0020"
)


@pytest.mark.parametrize(
    ("metrics", "reason"),
    [
        ({}, "has no backtest: the log was too short when it was trained"),
        ({"log_loss": 0.41}, "has a log-loss of 0.4100 in the backtest, against 0.4000 of the recency rule"),
        ({"calibration_error": 0.08}, "is miscalibrated by 0.070 beyond chance, above the limit of 0.05"),
        ({"worst_segment": 1.2}, "has 1.20 times the log-loss of the recency rule in one segment"),
        ({"above_order_model": 0.002}, NOT_BETTER),
        ({"auc_above_order_model": -0.01}, "ranks customers significantly worse than order_model, the kind of the champion"),
    ],
)
def test_a_failed_gate_has_a_reason(workshop: Path, metrics: dict[str, float], reason: str) -> None:
    champion = current_champion(workshop.parent / "workspace" / "champion")
    candidate = replace(champion, churn=RecencyRule((1.0,), (0.5, 0.5)), record=None)
    current = replace(champion, churn=OrderColumnChurn(0.0))
    assert failed_gates(replace(candidate, backtest_metrics=PASSING | {"above_order_model": -0.001}), current) == []
    [failed] = failed_gates(replace(candidate, backtest_metrics=PASSING | metrics if metrics else {}), current)
    assert failed.startswith(reason)


def test_a_candidate_that_cannot_rank_or_predicts_another_window_is_not_promoted(workshop: Path) -> None:
    champion = replace(current_champion(workshop.parent / "workspace" / "champion"), backtest_metrics=PASSING)
    cannot = replace(champion, record=TrackRecord(91, 2, 900, 300, auc=0.52, low=0.48, high=0.56))
    assert failed_gates(cannot, champion) == ["cannot rank customers: its AUC of 0.52 [0.48, 0.56] includes one half"]
    other = replace(champion, terms=replace(champion.terms, horizon_days=30))
    [failed] = failed_gates(other, champion)
    assert failed == "predicts churn within 30 days and the champion within 91, so their figures cannot be compared"
    assert failed_gates(champion, champion) == []


def test_a_forced_promotion_is_reported_and_recorded_in_the_registry(
    workshop: Path, holdfast: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    monkeypatch.setattr("training.registry.promotion.MAX_SEGMENT_RATIO", 0.0)
    code, _, problem = holdfast("promote", "1", "--config", workshop)
    assert (code, problem.endswith(". Not promoted. Use --force to promote anyway.\n")) == (2, True)
    code, output, warning = holdfast("promote", "1", "--force", "--config", workshop)
    assert (code, output) == (0, "Version 1 is champion.\n")
    assert warning.startswith("Promoted with --force: version 1 has ")
    tags = MlflowClient(load_settings(workshop, {}).mlflow_uri).get_model_version("holdfast-churn", "1").tags
    assert "in one segment of customers" in tags["promoted_by_force"]


def test_an_unknown_version_is_refused(workshop: Path, holdfast: Run) -> None:
    code, _, problem = holdfast("promote", "17", "--config", workshop)
    assert (code, "There is no version 17" in problem) == (2, True)


def test_the_registered_model_predicts_like_the_champion_without_the_repository(workshop: Path) -> None:
    import mlflow

    settings = load_settings(workshop, {})
    mlflow.set_tracking_uri(settings.mlflow_uri)
    tables, _ = load_tables(settings, utc_now())
    as_of = resolve_as_of(order_rhythm(tables.transactions), None, utc_now().date())
    active = churn_windows(settings.churn, tables, as_of).active_days
    champion = current_champion(settings.workspace.path / "champion")
    buyers = build_features(tables, as_of, active, settings.loyalty, champion.norms).filter(pl.col("orders") > 0)
    expected = champion.churn.p_churn(champion.btyd.with_columns(buyers, champion.terms.horizon_days))
    model = mlflow.pyfunc.load_model("models:/holdfast-churn@champion")
    inputs = [name for name in model.metadata.get_input_schema().input_names() if name in buyers.columns]
    predicted = model.predict(buyers.select(inputs).to_pandas())
    assert list(predicted["p_churn"]) == pytest.approx(expected.to_list())
    assert (predicted["p_churn_low"] < predicted["p_churn"]).all()
    assert (predicted["spend_low"] <= predicted["spend_high"]).all()
    lines = tables.transactions.drop("ingested_at", strict=False).collect()
    features = build_features(Tables(lines.lazy()), as_of, active, settings.loyalty, champion.norms).filter(pl.col("orders") > 0)
    from_lines = model.predict(lines.to_pandas(), params={"as_of": as_of.isoformat()})
    expected = champion.churn.p_churn(champion.btyd.with_columns(features, champion.terms.horizon_days))
    assert list(from_lines["customer_id"]) == features["customer_id"].to_list()
    assert list(from_lines["p_churn"]) == pytest.approx(expected.to_list())


def test_runs_have_parameters_metrics_charts_and_datasets_but_no_customer_id(workshop: Path) -> None:
    from mlflow import MlflowClient

    settings = load_settings(workshop, {})
    client = MlflowClient(settings.mlflow_uri)
    [experiment] = [experiment for experiment in client.search_experiments() if experiment.name == "holdfast"]
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    parent = next(run for name, run in runs.items() if name.startswith("train"))
    assert {"churn: lightgbm", "churn: bgnbd", "churn: hybrid", "churn: recency_rule", "value: same_as_last_period"} <= set(runs)
    assert parent.data.params["horizon_days"] == "91"
    by_day = client.get_metric_history(runs["churn: hybrid"].info.run_id, "by_day/log_loss")
    assert [metric.step for metric in by_day] == list(range(1, len(runs["churn: hybrid"].data.tags["origins"].split(", ")) + 1))
    assert runs["churn: lightgbm"].data.metrics["log_loss"] < runs["churn: recency_rule"].data.metrics["log_loss"] * 1.2
    names = {f"{role}_{metric}" for role in ("champion", "baseline") for metric in ("auc", "log_loss", "gini", "bias")}
    assert names <= set(parent.data.metrics)
    assert parent.data.metrics["champion_auc"] > parent.data.metrics["baseline_auc"] - 0.05
    assert parent.info.end_time - parent.info.start_time > 1_000  # the run lasts as long as the training
    reports = {item.path for item in client.list_artifacts(parent.info.run_id, "reports")}
    assert reports == {"reports/leaderboard.html", "reports/features.txt", "reports/configuration.json"}
    charts = {item.path for item in client.list_artifacts(parent.info.run_id, "charts")}
    names = ("calibration", "lift", "gains", "value_by_decile", "spend_found", "bias", "importance", "dependence")
    assert charts == {f"charts/{name}.png" for name in names}
    datasets = {entry.dataset.name: entry.dataset.digest for entry in parent.inputs.dataset_inputs}
    assert set(datasets) == {"transactions", "complaints", "surveys", "contacts", "customers"}
    assert all(datasets.values())
    assert '"ordered_at"' in next(e.dataset.schema for e in parent.inputs.dataset_inputs if e.dataset.name == "transactions")
    version = client.get_model_version_by_alias("holdfast-churn", "champion")
    assert version.run_id == parent.info.run_id
    assert version.tags["candidate"] == parent.data.params["candidate"]
    assert parent.data.tags["code"]
    assert "The winner is" in parent.data.tags["mlflow.note.content"]
    files = [path for path in (settings.workspace.path / "mlruns").rglob("*") if path.is_file() and path.suffix != ".png"]
    words = {word for path in files for word in re.findall(r"[\w.]+", path.read_text(encoding="utf-8", errors="ignore"))}
    ids = pl.read_parquet(settings.workspace.path / "tables" / "customers.parquet")["customer_id"]
    assert files
    assert words.isdisjoint(ids.to_list())
