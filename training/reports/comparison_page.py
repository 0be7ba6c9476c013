"""The comparison as one self-contained HTML page: tables, intervals and charts."""

from base64 import b64encode
from pathlib import Path
from typing import Any

from features.rendering.templates import read_styles, template_environment
from models.registry import BASELINE, VALUE_BASELINE
from training.evaluation.backtest_result import Backtest
from training.evaluation.feature_importance import Explanation
from training.reports.comparison_charts import Picture, draw_comparison
from training.reports.importance_charts import draw_explanation

FOLDER = Path(__file__).parent
MAX_CANDIDATES_DRAWN = 4
GROUPINGS = ("by_origin", "by_segment", "by_silence", "by_own")
CHURN_COLUMNS = {
    "log_loss": "log-loss",
    "auc": "AUC",
    "average_precision": "average precision",
    "brier": "Brier",
    "calibration_error": "calibration error",
    "bias": "bias",
    "lift_10": "lift at 10 %",
    "capture_10": "captured at 10 %",
}
VALUE_COLUMNS = {
    "tweedie_deviance": "Tweedie deviance",
    "gini": "Gini",
    "spearman": "Spearman",
    "bias": "bias of total",
    "decile_error": "error by decile",
    "top_capture": "spend of top tenth",
    "interval_score": "interval score",
    "above_high": "above value_high",
    "mae": "MAE",
}
CHURN_NOTE = (
    "Best first by log-loss, which rewards calibrated probabilities. The last column is the 95 % interval of the difference in "
    "log-loss to the baseline, by paired bootstrap over customers: if all of it is below zero, the candidate is significantly "
    "better."
)
VALUE_NOTE = (
    "Best first by Tweedie deviance (power 1.5), which suits many zeros and a few large sums. MAE is for information: it "
    "rewards predicting zero. About one customer in ten should spend more than value_high. The last column is the 95 % interval "
    "of the difference in deviance to the baseline."
)


def render_comparison_page(
    board: dict[str, Any], pictures: list[Picture], explanation: Explanation | None, explaining: list[Picture]
) -> str:
    """Return the page with its `pictures`, and those `explaining` what moves the risk; it has no figure of a single customer."""
    environment = template_environment(FOLDER)
    sections = [
        _section("Churn", CHURN_NOTE, CHURN_COLUMNS, board["churn"], BASELINE.name),
        _section("Spend", VALUE_NOTE, VALUE_COLUMNS, board["value"], VALUE_BASELINE.name),
    ]
    return environment.get_template("comparison.html.j2").render(
        board=board,
        styles=read_styles(),
        sections=sections,
        pictures=_base64(pictures),
        explanation=explanation,
        explanation_pictures=_base64(explaining),
        format_metric=_format_metric,
        format_interval=_format_interval,
        group_metric=_group_metric,
    )


def _base64(pictures: list[Picture]) -> dict[str, str]:
    return {picture.title: b64encode(picture.png).decode() for picture in pictures}


def explanation_pictures(explanation: Explanation | None) -> list[Picture]:
    """Return the charts of what moves the risk; none without an explanation."""
    return [] if explanation is None else draw_explanation(explanation)


def comparison_pictures(board: dict[str, Any], result: Backtest) -> list[Picture]:
    """Return the charts of the best few candidates."""
    churn, value = ([entry["candidate"] for entry in board[kind]][:MAX_CANDIDATES_DRAWN] for kind in ("churn", "value"))
    return draw_comparison(result, churn, value)


def _section(title: str, note: str, columns: dict[str, str], entries: list[dict[str, Any]], baseline: str) -> dict[str, Any]:
    groups = [group for grouping in GROUPINGS for group in entries[0][grouping]] if entries else []
    main_metric = next(iter(columns))
    return {
        "title": title,
        "note": note,
        "columns": columns,
        "entries": entries,
        "baseline": baseline,
        "groups": groups,
        "main_metric": main_metric,
        "group_metrics": (main_metric, "bias"),
    }


def _format_metric(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:z,.0f}" if abs(value) >= 1_000 else f"{value:z.2f}" if abs(value) >= 10 else f"{value:z.3f}"  # noqa: PLR2004  # significant digits


def _format_interval(entry: dict[str, Any], metric: str) -> str:
    interval = entry.get("against_baseline", {}).get(metric)
    return f"{_format_metric(interval[0])} to {_format_metric(interval[1])}" if interval else ""


def _group_metric(entry: dict[str, Any], group: str, metric: str) -> float | None:
    value: float | None = next((entry[grouping][group][metric] for grouping in GROUPINGS if group in entry[grouping]), None)
    return value
