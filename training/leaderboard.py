"""The leaderboard: every candidate's metrics, pooled and by origin, against the named baseline."""

import math
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from models.registry import BASELINE
from models.value_baselines import BASELINE as VALUE_BASELINE
from training.backtest import Backtest
from training.metrics import Array, churn_metrics, value_metrics

Metrics = Callable[[Array, Array], dict[str, float]]


def leaderboard(result: Backtest, as_of: date, horizon_days: int) -> dict[str, Any]:
    """Return the leaderboard as data: churn by log-loss, value by Gini, best first, baselines included."""
    churn = [_entry(result, name, "p:", "churned", churn_metrics) for name in result.candidates("p:")]
    value = [_entry(result, name, "value:", "next_spend", value_metrics) for name in result.candidates("value:")]
    return {
        "as_of": as_of.isoformat(),
        "horizon_days": horizon_days,
        "origins": [origin.isoformat() for origin in result.origins],
        "rows": 0 if result.frame is None else result.frame.height,
        "churn_baseline": BASELINE.name,
        "value_baseline": VALUE_BASELINE,
        "churn": sorted(churn, key=lambda entry: entry["log_loss"]),
        "value": sorted(value, key=lambda entry: -(entry["gini"] or 0)),
        "limits": result.limits,
    }


def winner(board: dict[str, Any], fallback: str) -> str:
    """Return the churn candidate with the lowest pooled log-loss; `fallback` where nothing could be judged."""
    return str(board["churn"][0]["candidate"]) if board["churn"] else fallback


def _entry(result: Backtest, name: str, prefix: str, actual: str, metrics: Metrics) -> dict[str, Any]:
    assert result.frame is not None, "candidates come from a frame"  # noqa: S101  # for the type checker
    by_origin = {
        str(origin): _measured(rows, name, prefix, actual, metrics)
        for (origin,), rows in result.frame.group_by("origin", maintain_order=True)
    }
    return {"candidate": name, **_measured(result.frame, name, prefix, actual, metrics), "by_origin": by_origin}


def _measured(rows: pl.DataFrame, name: str, prefix: str, actual: str, metrics: Metrics) -> dict[str, float | None]:
    """Metrics to six decimals; None where one cannot be told."""
    found = metrics(rows[actual].to_numpy(), np.asarray(rows[prefix + name].to_numpy(), dtype=np.float64))
    return {key: round(value, 6) if math.isfinite(value) else None for key, value in found.items()}
