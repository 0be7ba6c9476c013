"""Write a training into MLflow: parameters, metrics, charts, dataset, and the registered model."""

import subprocess
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from features.build import MODEL_FEATURES
from models.champion import Champion, publish_champion, save_champion
from models.trees.training import TreeParams
from settings.sections import Settings
from training.data.training_data import TrainingData
from training.evaluation.backtest import Backtest
from training.evaluation.feature_importance import explain
from training.registry import mlflow_client as tracking
from training.reports.comparison_page import pictures_of
from training.reports.importance_charts import explained

MODEL_INPUTS = tuple(dict.fromkeys((*MODEL_FEATURES, "frequency", "recency", "T", "monetary_value")))


def record(
    settings: Settings, material: TrainingData, champion: Champion, result: Backtest, board: dict[str, Any], trees: TreeParams
) -> tuple[str, bool]:
    """Log the training and register its winner; return the version and whether it is the champion.

    One run holds the training, with a nested run per candidate. The first version ever is promoted at once.
    """
    tracking.connect(settings)
    with tempfile.TemporaryDirectory() as name, tracking.run(f"train {material.as_of}"):
        folder = Path(name)
        words = {"code": _commit(), "mlflow.note.content": _in_words(material, champion)}
        tracking.log_run(_parameters(material, champion, trees), champion.backtest_metrics, words)
        for table, digest in material.digests.items():
            tracking.log_dataset(table, digest)
        tracking.log_files(_charts(result, board, folder), "charts")
        for entry in [*board["value"][::-1], *board["churn"][::-1]]:  # MLflow shows the newest first
            _record_candidate(entry, board)
        save_champion(champion, folder / "champion")
        version = tracking.register(folder / "champion", MODEL_INPUTS)
        for key, value in _of_version(material, champion).items():
            tracking.tag_version(version, key, value)
        if tracking.alias_version(tracking.CHAMPION) is None:
            make_champion(settings, version, folder / "champion")
            return version, True
    tracking.set_alias(tracking.CHALLENGER, version)
    return version, False


def make_champion(settings: Settings, version: str, folder: Path) -> None:
    """Publish a champion folder below the workspace, then move the alias; scoring reads the former."""
    publish_champion(folder, version, settings.workspace.path / "champion")
    tracking.set_alias(tracking.CHAMPION, version)


def _parameters(material: TrainingData, champion: Champion, trees: TreeParams) -> dict[str, Any]:
    snapshots = [snapshot.as_of.isoformat() for snapshot in material.snapshots]
    return {
        "as_of": material.as_of.isoformat(),
        "horizon_days": champion.terms.horizon_days,
        "active_days": champion.terms.active_days,
        "customers": material.features.height,
        "snapshots": ", ".join(snapshots),
        "candidate": champion.churn.name,
        "bgnbd": champion.btyd.orders.params,
        "gamma_gamma": champion.btyd.spend.params,
        "value_spread": champion.gamma_shape,
        **{f"lightgbm.{key}": value for key, value in asdict(trees).items()},
    }


def _in_words(material: TrainingData, champion: Champion) -> str:
    judged = (
        f"log-loss {champion.backtest_metrics['log_loss']:.4f}" if champion.backtest_metrics else "never judged on a past window"
    )
    return (
        f"Trained on what was known before {material.as_of}: {material.features.height:,} customers, {len(material.snapshots)} "
        f"past windows of {champion.terms.horizon_days} days. The winner is {champion.churn.name}, {judged}. The runs below are "
        "the candidates, and below each its origins. " + " ".join(material.notes)
    )


def _of_version(material: TrainingData, champion: Champion) -> dict[str, str]:
    """What a score's model_version leads to at a glance; the run behind it has data, code and parameters."""
    value = "order models" if champion.value is None else champion.value.name
    told = {"candidate": champion.churn.name, "value_candidate": value, "trained_as_of": material.as_of.isoformat()}
    return told | {
        key: f"{champion.backtest_metrics[key]:.4f}"
        for key in ("log_loss", "baseline_log_loss")
        if key in champion.backtest_metrics
    }


def _record_candidate(entry: dict[str, Any], board: dict[str, Any]) -> None:
    metrics = {key: value for key, value in entry.items() if isinstance(value, float)}
    kind = "value" if "gini" in entry else "churn"
    with tracking.run(f"{kind}: {entry['candidate']}", nested=True):
        baselines = (board["churn_baseline"], board["value_baseline"])
        tags = {"baseline": str(entry["candidate"] in baselines).lower(), "origins": ", ".join(board["origins"])}
        tracking.log_run({"candidate": entry["candidate"], "kind": kind}, metrics, tags)
        for origin, found in entry["by_origin"].items():
            with tracking.run(f"{kind}: {entry['candidate']} from {origin}", nested=True):
                of_origin = {key: value for key, value in found.items() if value is not None}
                tracking.log_run({"candidate": entry["candidate"], "kind": kind, "origin": origin}, of_origin, {"origin": origin})


def _charts(result: Backtest, board: dict[str, Any], folder: Path) -> list[Path]:
    explanation = explain(result.fitted, [entry["candidate"] for entry in board["churn"]])
    pictures = pictures_of(board, result) + (explained(explanation) if explanation else [])
    for picture in pictures:
        (folder / picture.file).write_bytes(picture.png)
    return [folder / picture.file for picture in pictures]


def _commit() -> str:
    """Return the code's commit, or `unknown` outside a checkout."""
    answer = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tracking.ROOT, capture_output=True, text=True, check=False)  # noqa: S607  # git from the path
    return answer.stdout.strip() or "unknown"
