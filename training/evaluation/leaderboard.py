"""The leaderboard: every candidate's metrics, pooled, by origin and by segment, against the named baseline."""

import math
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from features.frames.arrays import Array
from features.frames.columns import CUSTOMER
from models.registry import BASELINE, VALUE_BASELINE
from training.evaluation.backtest import LONGEST_BAND, SILENCE_BANDS, segment_column
from training.evaluation.backtest_result import Backtest
from training.evaluation.bootstrap import (
    ResampledMetric,
    paired_interval,
    resample_customers,
    resampled_auc,
    resampled_gini,
    resampled_log_loss,
    resampled_tweedie_deviance,
)
from training.metrics import churn_metrics, interval_metrics, value_metrics

Metrics = Callable[[pl.DataFrame, str], dict[str, float]]
COMPARED_METRICS: dict[str, dict[str, ResampledMetric]] = {
    "p:": {"log_loss": resampled_log_loss, "auc": resampled_auc},
    "value:": {"tweedie_deviance": resampled_tweedie_deviance, "gini": resampled_gini},
}
MIN_ROWS = 50


def leaderboard(
    result: Backtest, as_of: date, horizon_days: int, *, intervals: bool = False, notes: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the leaderboard as data: churn by log-loss, value by Tweedie deviance, best first, baselines included.

    `origins` of an entry is the number of past days on which the candidate was fitted; those with fewer come last. `behind` names
    those that were clearly behind on the newest days, and not fitted on the older ones.

    `notes` are sentences on the limits of the data. With `intervals` every entry has `against_baseline`: 95 % paired bootstrap
    intervals over customers of the difference to the named baseline, of log-loss and AUC, or of deviance and Gini.
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
        "churn": sorted(churn, key=lambda entry: (-entry["origins"], entry["log_loss"])),
        "value": sorted(value, key=lambda entry: (-entry["origins"], entry["tweedie_deviance"])),
        "limits": result.limits,
        "behind": [column.removeprefix("value:").removeprefix("p:") for column in result.behind],
        "notes": list(notes),
    }


def _entry(result: Backtest, name: str, prefix: str, baseline: str, *, intervals: bool) -> dict[str, Any]:
    frame = result.rows_with(prefix + name)
    metrics = _churn_metrics if prefix == "p:" else _value_metrics
    entry: dict[str, Any] = {
        "candidate": name,
        "origins": frame["origin"].n_unique(),
        **_rounded(metrics(frame, name)),
        "by_origin": _by_group(frame, "origin", name, metrics),
        "by_segment": _by_group(frame, "segment", name, metrics) | _by_group(frame, "loyalty_segment", name, metrics),
        "by_silence": _shortest_first(_by_group(frame, "silence", name, metrics)),
        "by_own": _by_own_segments(frame, name, metrics),
    }
    if intervals and name != baseline and baseline in result.candidates(prefix):
        both = result.rows_with(prefix + name, prefix + baseline)
        actual = both["churned" if prefix == "p:" else "next_spend"].to_numpy()
        own, reference = _floats(both, prefix + name), _floats(both, prefix + baseline)
        resamples = resample_customers(both[CUSTOMER])
        entry["against_baseline"] = {
            key: [round(end, 6) for end in paired_interval(metric, actual, own, reference, resamples)]
            for key, metric in COMPARED_METRICS[prefix].items()
        }
    return entry


def _churn_metrics(rows: pl.DataFrame, name: str) -> dict[str, float]:
    return churn_metrics(rows["churned"].to_numpy(), _floats(rows, f"p:{name}"))


def _value_metrics(rows: pl.DataFrame, name: str) -> dict[str, float]:
    spend = rows["next_spend"].to_numpy()
    metrics = value_metrics(spend, _floats(rows, f"value:{name}"))
    if f"high:{name}" in rows.columns:
        metrics |= interval_metrics(spend, _floats(rows, f"low:{name}"), _floats(rows, f"high:{name}"))
    return metrics


def _by_group(frame: pl.DataFrame, column: str, name: str, metrics: Metrics) -> dict[str, dict[str, float | None]]:
    """Return the metrics of each group with at least fifty rows."""
    groups = frame.sort(column).group_by(column, maintain_order=True)
    return {str(group): _rounded(metrics(rows, name)) for (group,), rows in groups if rows.height >= MIN_ROWS}


def _by_own_segments(frame: pl.DataFrame, name: str, metrics: Metrics) -> dict[str, dict[str, float | None]]:
    """Return the metrics by the values of the configured segments, under names such as "region: North"."""
    prefix = segment_column("")
    columns = [column for column in frame.columns if column.startswith(prefix)]
    return {
        f"{column.removeprefix(prefix)}: {group}": figures
        for column in columns
        for group, figures in _by_group(frame.drop_nulls(column), column, name, metrics).items()
    }


def _shortest_first(groups: dict[str, dict[str, float | None]]) -> dict[str, dict[str, float | None]]:
    return {band: groups[band] for band in (*SILENCE_BANDS.values(), LONGEST_BAND) if band in groups}


def _floats(rows: pl.DataFrame, column: str) -> Array:
    return np.asarray(rows[column].to_numpy(), dtype=np.float64)


def _rounded(metrics: dict[str, float]) -> dict[str, float | None]:
    """Return the metrics with six decimals; None where one is not defined."""
    return {key: round(value, 6) if math.isfinite(value) else None for key, value in metrics.items()}
