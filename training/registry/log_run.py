"""Log a training to MLflow: parameters, metrics, charts, datasets, and the registered model."""

import json
import subprocess
import tempfile
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from features.build import MODEL_FEATURES
from features.tables.schema import ALL_TABLES, TRANSACTIONS, Kind
from models.champion import Champion, current_name, save_champion
from models.errors import DamagedChampionError, NoChampionError
from models.publication import end_change, publish_champion
from models.trees.training import TreeParams
from models.value.baselines import ORDER_MODELS
from settings.sections import Settings
from training.data.training_data import TrainingData
from training.evaluation.backtest_result import Backtest
from training.evaluation.feature_importance import Explanation
from training.registry import mlflow_client as tracking
from training.registry.champion_alias import champion_digest, champions_folder
from training.registry.workspace_tags import FILES_TAG, own_tags
from training.reports.comparison_charts import Picture
from training.reports.comparison_page import comparison_pictures, explanation_pictures, render_comparison_page

MLFLOW_TYPES = {
    Kind.TEXT: "string",
    Kind.TIME: "datetime",
    Kind.NUMBER: "double",
    Kind.INTEGER: "long",
    Kind.FLAG: "boolean",
}
FEATURE_INPUTS = tuple(dict.fromkeys((*MODEL_FEATURES, "frequency", "recency", "T", "monetary_value")))
LINE_INPUTS = {column.name: MLFLOW_TYPES[column.kind] for column in TRANSACTIONS.columns}
MODEL_INPUTS = dict.fromkeys(FEATURE_INPUTS, "double") | LINE_INPUTS  # rows are either features or order lines
MODEL_OUTPUTS = ("p_churn", "p_churn_low", "p_churn_high", "expected_spend", "spend_low", "spend_high")
HEADLINE = {"churn": ("auc", "log_loss"), "value": ("gini", "tweedie_deviance", "bias")}
# without the sections that have addresses
CONFIGURATION = (
    "churn",
    "calendar",
    "value",
    "loyalty",
    "purchases",
    "targeting",
    "columns",
    "checks",
)  # no section with an address in it


class Training(NamedTuple):
    """A finished training: its data, the champion that won, the backtest with its leaderboard, and when it started (UTC).

    `explanation` is what moves the risk; None where no candidate can tell.
    """

    data: TrainingData
    champion: Champion
    result: Backtest
    board: dict[str, Any]
    explanation: Explanation | None
    trees: TreeParams
    started_at: datetime


def log_training(settings: Settings, training: Training) -> tuple[str, bool]:
    """Log the training and register its winner; return the version and whether it is the champion.

    One run is the training, with a nested run per candidate. The version is promoted immediately if the workspace has no
    champion, whatever the registry says.
    """
    data, champion, result, board, explanation, trees, started_at = training
    tracking.connect(settings)
    own = own_tags(settings.workspace.path)
    with tracking.tracking_errors(), tempfile.TemporaryDirectory() as name, _training_run(data, own, started_at):
        folder = Path(name)
        tags = {"code": _commit(), "mlflow.note.content": _description(data, champion)}
        tracking.log_run(_parameters(data, champion, trees), champion.backtest_metrics | _headline(board, champion), tags)
        tables = data.tables.present()
        for table, digest in data.digests.items():
            columns = ALL_TABLES[table].columns
            present = set(tables[table].collect_schema().names())
            kinds = {column.name: MLFLOW_TYPES[column.kind] for column in columns if column.name in present}
            tracking.log_dataset(table, digest, kinds)
        pictures, explaining = comparison_pictures(board, result), explanation_pictures(explanation)
        page = render_comparison_page(board, pictures, explanation, explaining)
        tracking.log_files(_write_charts([*pictures, *explaining], folder), "charts")
        tracking.log_files(_write_reports(settings, page, folder), "reports")
        for entry in [*board["value"][::-1], *board["churn"][::-1]]:  # MLflow shows the newest first
            _log_candidate(entry, board)
        return register_champion(settings, champion, folder / "champion", _version_tags(data, champion) | own)


def register_champion(settings: Settings, champion: Champion, folder: Path, tags: dict[str, str]) -> tuple[str, bool]:
    """Save and register a champion with the open run; return the version and whether it is the champion.

    It is the champion if the workspace has none, else the challenger. A damaged champion counts as one: what takes its place
    must pass the gates.
    """
    save_champion(champion, folder)
    version = tracking.register(folder, MODEL_INPUTS, MODEL_OUTPUTS)
    for key, value in (tags | {FILES_TAG: champion_digest(folder)}).items():
        tracking.tag_version(version, key, value)
    if has_champion(settings):
        tracking.set_alias(tracking.CHALLENGER, version)
        return version, False
    make_champion(settings, version, folder, "train")
    end_change(champions_folder(settings))
    return version, True


def has_champion(settings: Settings) -> bool:
    """Whether the workspace has a champion, damaged or not."""
    try:
        current_name(champions_folder(settings))
    except NoChampionError:
        return False
    except DamagedChampionError:
        return True
    return True


def make_champion(settings: Settings, version: str, folder: Path, command: str) -> str:
    """Publish a champion folder in the workspace, which scoring reads, then move the alias; return the folder's name.

    The change stays on record until `end_change`.
    """
    published = publish_champion(folder, version, champions_folder(settings), command)
    tracking.set_alias(tracking.CHAMPION, version)
    return published.name


def _training_run(data: TrainingData, tags: dict[str, str], started_at: datetime) -> AbstractContextManager[str]:
    return tracking.run(f"train {data.as_of}", tags=tags, started_at=started_at)


def _headline(board: dict[str, Any], champion: Champion) -> dict[str, float]:
    """Return the main metrics of the champion's candidates and of the naive baselines, as `champion_auc`, `baseline_auc`."""
    value = ORDER_MODELS.name if champion.value is None else champion.value.name
    names = {"champion": {"churn": champion.churn.name, "value": value}}
    names["baseline"] = {kind: board[f"{kind}_baseline"] for kind in HEADLINE}
    entries = {(kind, entry["candidate"]): entry for kind in HEADLINE for entry in board[kind]}
    return {
        f"{role}_{metric}": entry[metric]
        for role, by_kind in names.items()
        for kind, metrics in HEADLINE.items()
        if (entry := entries.get((kind, by_kind[kind]))) is not None
        for metric in metrics
        if entry[metric] is not None
    }


def _write_reports(settings: Settings, leaderboard: str, folder: Path) -> list[Path]:
    """Write the leaderboard as a page, the features, and the configuration without addresses and passwords."""
    page, names, configuration = (folder / name for name in ("leaderboard.html", "features.txt", "configuration.json"))
    page.write_text(leaderboard, encoding="utf-8")
    names.write_text("".join(f"{name}\n" for name in MODEL_FEATURES), encoding="utf-8")
    sections = {name: asdict(getattr(settings, name)) for name in CONFIGURATION}
    configuration.write_text(json.dumps(sections, indent=2, default=str) + "\n", encoding="utf-8")
    return [page, names, configuration]


def _parameters(data: TrainingData, champion: Champion, trees: TreeParams) -> dict[str, Any]:
    snapshots = [snapshot.as_of.isoformat() for snapshot in data.snapshots]
    return {
        "as_of": data.as_of.isoformat(),
        "horizon_days": champion.terms.horizon_days,
        "active_days": champion.terms.active_days,
        "customers": data.features.height,
        "snapshots": ", ".join(snapshots),
        "candidate": champion.churn.name,
        "bgnbd": champion.btyd.orders.params,
        "gamma_gamma": champion.btyd.spend.params,
        "value_spread": champion.gamma_shape,
        **{f"lightgbm.{key}": value for key, value in asdict(trees).items()},
    }


def _description(data: TrainingData, champion: Champion) -> str:
    metrics = champion.backtest_metrics
    evidence = f"log-loss {metrics['log_loss']:.4f}" if metrics else "without a backtest"
    return (
        f"Trained on what was known before {data.as_of}: {data.features.height:,} customers, {len(data.snapshots)} past windows "
        f"of {champion.terms.horizon_days} days. The winner is {champion.churn.name}, {evidence}. The nested runs are the "
        "candidates; their metrics by_day have a step per past day. " + " ".join(data.notes)
    )


def _version_tags(data: TrainingData, champion: Champion) -> dict[str, str]:
    """Return a summary for the version that scores name; the run behind it has data, code and parameters."""
    value = "order models" if champion.value is None else champion.value.name
    tags = {"candidate": champion.churn.name, "value_candidate": value, "trained_as_of": data.as_of.isoformat()}
    metrics = champion.backtest_metrics
    return tags | {key: f"{metrics[key]:.4f}" for key in ("log_loss", "baseline_log_loss") if key in metrics}


def _log_candidate(entry: dict[str, Any], board: dict[str, Any]) -> None:
    """Log a candidate as a nested run: its metrics over all days, and `by_day/` those of each day, a step per day."""
    metrics = {key: value for key, value in entry.items() if isinstance(value, float)}
    kind = "value" if "gini" in entry else "churn"
    by_day = [
        {f"by_day/{key}": value for key, value in entry["by_origin"].get(origin, {}).items() if value is not None}
        for origin in board["origins"]
    ]
    with tracking.run(f"{kind}: {entry['candidate']}", nested=True):
        baselines = (board["churn_baseline"], board["value_baseline"])
        tags = {"baseline": str(entry["candidate"] in baselines).lower(), "origins": ", ".join(board["origins"])}
        tracking.log_run({"candidate": entry["candidate"], "kind": kind}, metrics, tags, by_day)


def _write_charts(pictures: list[Picture], folder: Path) -> list[Path]:
    for picture in pictures:
        (folder / picture.file).write_bytes(picture.png)
    return [folder / picture.file for picture in pictures]


def _commit() -> str:
    """Return the code's commit, or `unknown` outside a checkout."""
    git = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tracking.ROOT, capture_output=True, text=True, check=False)  # noqa: S607  # git from the path
    return git.stdout.strip() or "unknown"
