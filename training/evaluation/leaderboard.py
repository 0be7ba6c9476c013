"""The leaderboard: every candidate's metrics, pooled, by origin and by segment, against the named baseline."""

import math
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from models.registry import BASELINE, VALUE_BASELINE
from training.evaluation.backtest import LONGER, SILENT_FOR, Backtest
from training.evaluation.bootstrap import Metric, paired_interval
from training.metrics import (
    Array,
    auc,
    churn_metrics,
    interval_metrics,
    log_loss,
    normalised_gini,
    tweedie_deviance,
    value_metrics,
)

Metrics = Callable[[pl.DataFrame, str], dict[str, float]]
SURE_OF: dict[str, dict[str, Metric]] = {
    "p:": {"log_loss": log_loss, "auc": auc},
    "value:": {"tweedie_deviance": tweedie_deviance, "gini": normalised_gini},
}
MIN_ROWS = 50


def leaderboard(
    result: Backtest, as_of: date, horizon_days: int, *, intervals: bool = False, notes: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the leaderboard as data: churn by log-loss, value by Tweedie deviance, best first, baselines included.

    `notes` say in words what all of it falls short of.

    With `intervals` every entry has `against_baseline`: 95 % paired bootstrap intervals of the difference to the named
    baseline, of log-loss and AUC, or deviance and Gini.
    """
    churn = [_entry(result, name, "p:", BASELINE.name, intervals=intervals) for name in result.candidates("p:")]
    value = [_entry(result, name, "value:", VALUE_BASELINE.name, intervals=intervals) for name in result.candidates("value:")]
    return {
        "as_of": as_of.isoformat(),
        "horizon_days": horizon_days,
        "origins": [origin.isoformat() for origin in result.origins],
        "rows": 0 if result.frame is None else result.frame.height,
        "churn_baseline": BASELINE.name,
        "value_baseline": VALUE_BASELINE.name,
        "churn": sorted(churn, key=lambda entry: entry["log_loss"]),
        "value": sorted(value, key=lambda entry: entry["tweedie_deviance"]),
        "limits": result.limits,
        "notes": list(notes),
    }


def winner(board: dict[str, Any], fallback: str) -> str:
    """Return the churn candidate with the lowest pooled log-loss; `fallback` where nothing could be judged."""
    return str(board["churn"][0]["candidate"]) if board["churn"] else fallback


def _entry(result: Backtest, name: str, prefix: str, baseline: str, *, intervals: bool) -> dict[str, Any]:
    assert result.frame is not None, "candidates come from a frame"  # noqa: S101  # for the type checker
    measured = _of_churn if prefix == "p:" else _of_value
    entry: dict[str, Any] = {
        "candidate": name,
        **_finite(measured(result.frame, name)),
        "by_origin": _by(result.frame, "origin", name, measured),
        "by_segment": _by(result.frame, "segment", name, measured) | _by(result.frame, "loyalty_segment", name, measured),
        "by_silence": _in_order(_by(result.frame, "silence", name, measured)),
    }
    if intervals and name != baseline and prefix + baseline in result.frame.columns:
        entry["against_baseline"] = {
            key: _against(result.frame, prefix, name, baseline, metric) for key, metric in SURE_OF[prefix].items()
        }
    return entry


def _of_churn(rows: pl.DataFrame, name: str) -> dict[str, float]:
    return churn_metrics(rows["churned"].to_numpy(), _floats(rows, f"p:{name}"))


def _of_value(rows: pl.DataFrame, name: str) -> dict[str, float]:
    spend = rows["next_spend"].to_numpy()
    found = value_metrics(spend, _floats(rows, f"value:{name}"))
    if f"high:{name}" in rows.columns:
        found |= interval_metrics(spend, _floats(rows, f"low:{name}"), _floats(rows, f"high:{name}"))
    return found


def _by(frame: pl.DataFrame, column: str, name: str, metrics: Metrics) -> dict[str, dict[str, float | None]]:
    """Metrics of each group with at least fifty rows."""
    groups = frame.sort(column).group_by(column, maintain_order=True)
    return {str(group): _finite(metrics(rows, name)) for (group,), rows in groups if rows.height >= MIN_ROWS}


def _in_order(groups: dict[str, dict[str, float | None]]) -> dict[str, dict[str, float | None]]:
    return {band: groups[band] for band in (*SILENT_FOR.values(), LONGER) if band in groups}


def _against(frame: pl.DataFrame, prefix: str, name: str, baseline: str, metric: Metric) -> list[float]:
    """Interval of the difference in one metric to the baseline; negative is better for losses."""
    actual = frame["churned" if prefix == "p:" else "next_spend"].to_numpy()
    one, other = _floats(frame, prefix + name), _floats(frame, prefix + baseline)
    interval = paired_interval(metric, actual, one, other)
    return [round(end, 6) for end in interval]


def _floats(rows: pl.DataFrame, column: str) -> Array:
    return np.asarray(rows[column].to_numpy(), dtype=np.float64)


def _finite(found: dict[str, float]) -> dict[str, float | None]:
    """Metrics to six decimals; None where one cannot be told."""
    return {key: round(value, 6) if math.isfinite(value) else None for key, value in found.items()}
