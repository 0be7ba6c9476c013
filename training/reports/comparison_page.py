"""The comparison as one HTML page without anything from elsewhere: tables, intervals and pictures."""

from base64 import b64encode
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from models.registry import BASELINE, VALUE_BASELINE
from training.evaluation.backtest import Backtest
from training.evaluation.feature_importance import Explanation
from training.reports.comparison_charts import Picture, drawn
from training.reports.importance_charts import explained

HERE = Path(__file__).parent
MAX_DRAWN = 4
GROUPED_BY = ("by_origin", "by_segment", "by_silence")
CHURN = {
    "log_loss": "log-loss",
    "auc": "AUC",
    "average_precision": "average precision",
    "brier": "Brier",
    "calibration_error": "calibration error",
    "bias": "bias",
    "lift_10": "lift at 10 %",
    "capture_10": "captured at 10 %",
}
VALUE = {
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
CHURN_WORDS = (
    "Best first by log-loss, which rewards probabilities that are frequencies. The last column is the 95 % interval of the "
    "difference in log-loss to the baseline, by paired bootstrap: wholly below zero means better by more than chance."
)
VALUE_WORDS = (
    "Best first by Tweedie deviance (power 1.5), which weighs many zeros and a few large sums. MAE is for information: it "
    "rewards predicting zero. About one customer in ten should spend more than value_high."
)


def compare_page(board: dict[str, Any], result: Backtest, explanation: Explanation | None = None) -> str:
    """Return the page; it holds figures of groups only, no customer."""
    pictures = _encoded(pictures_of(board, result))
    reasons = _encoded(explained(explanation)) if explanation else {}
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined)
    parts = [
        _part("Who leaves", CHURN_WORDS, CHURN, board["churn"], BASELINE.name),
        _part("What they spend", VALUE_WORDS, VALUE, board["value"], VALUE_BASELINE.name),
    ]
    template = environment.get_template("comparison.html.j2")
    return template.render(
        board=board,
        parts=parts,
        pictures=pictures,
        explanation=explanation,
        reasons=reasons,
        shown=_shown,
        against=_against,
        of_group=_of_group,
    )


def _encoded(pictures: list[Picture]) -> dict[str, str]:
    return {picture.title: b64encode(picture.png).decode() for picture in pictures}


def pictures_of(board: dict[str, Any], result: Backtest) -> list[Picture]:
    """Return the pictures of the best few candidates."""
    churn, value = ([entry["candidate"] for entry in board[kind]][:MAX_DRAWN] for kind in ("churn", "value"))
    return drawn(result, churn, value)


def _part(title: str, words: str, columns: dict[str, str], entries: list[dict[str, Any]], baseline: str) -> dict[str, Any]:
    groups = [group for by in GROUPED_BY for group in entries[0][by]] if entries else []
    key = next(iter(columns))
    return {
        "title": title,
        "words": words,
        "columns": columns,
        "entries": entries,
        "baseline": baseline,
        "groups": groups,
        "key": key,
        "by_group": (key, "bias"),
    }


def _shown(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.2f}" if abs(value) >= 10 else f"{value:.3f}"  # noqa: PLR2004  # digits that tell


def _against(entry: dict[str, Any], key: str) -> str:
    interval = entry.get("against_baseline", {}).get(key)
    return f"{_shown(interval[0])} to {_shown(interval[1])}" if interval else ""


def _of_group(entry: dict[str, Any], group: str, key: str) -> float | None:
    found: float | None = next((entry[by][group][key] for by in GROUPED_BY if group in entry[by]), None)
    return found
