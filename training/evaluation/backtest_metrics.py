"""The backtest metrics of a trained model, which promotion looks at, and its reliability table."""

from typing import Any

import numpy as np
import polars as pl

from features.frames.arrays import Array
from features.frames.columns import CUSTOMER
from models.registry import BASELINE
from training.evaluation.auc_difference import auc_difference
from training.evaluation.backtest_result import Backtest
from training.evaluation.bootstrap import paired_interval, resample_customers, resampled_log_loss
from training.metrics import BINS, calibration_error, log_loss

SIMULATIONS = 20
NORMAL_QUANTILE = 1.96  # of a 95 % interval


def backtest_metrics(result: Backtest, board: dict[str, Any], chosen: str) -> dict[str, float]:
    """Return the backtest metrics of candidate `chosen`; empty where it has no entry on the leaderboard.

    log_loss, baseline_log_loss, calibration_error and calibration_floor (the error of a perfect model on as many rows);
    worst_segment, the highest ratio of its log-loss to the baseline's over segments; and for every other candidate
    above_<name>, the upper end of the 95 % interval of the difference in log-loss, below 0 where `chosen` is significantly
    better, and auc_above_<name>, that of the difference in AUC, below 0 where it is significantly worse.
    """
    entries = {entry["candidate"]: entry for entry in board["churn"]}
    if chosen not in entries or result.frame is None or BASELINE.name not in entries:
        return {}
    return {
        "log_loss": entries[chosen]["log_loss"],
        "baseline_log_loss": _log_loss_on_same_rows(result, BASELINE.name, chosen),
        "calibration_error": entries[chosen]["calibration_error"],
        "calibration_floor": calibration_floor(result.rows_with(f"p:{chosen}")[f"p:{chosen}"].to_numpy()),
        "worst_segment": _worst_segment_ratio(entries[chosen]["by_segment"], entries[BASELINE.name]["by_segment"]),
        **{f"above_{name}": _upper_end(result, chosen, name) for name in entries if name != chosen},
        **{f"auc_above_{name}": _upper_end_of_auc(result, chosen, name) for name in entries if name != chosen},
    }


def _log_loss_on_same_rows(result: Backtest, name: str, other: str) -> float:
    rows = result.rows_with(f"p:{name}", f"p:{other}")
    return log_loss(rows["churned"].to_numpy(), rows[f"p:{name}"].to_numpy())


def _upper_end(result: Backtest, chosen: str, rival: str) -> float:
    rows = result.rows_with(f"p:{chosen}", f"p:{rival}")
    if rows.is_empty():
        return np.inf
    churned, p, rival_p = (rows[column].to_numpy() for column in ("churned", f"p:{chosen}", f"p:{rival}"))
    return paired_interval(resampled_log_loss, churned, p, rival_p, resample_customers(rows[CUSTOMER]))[1]


def _upper_end_of_auc(result: Backtest, chosen: str, rival: str) -> float:
    compared = auc_difference(result.rows_with(f"p:{chosen}", f"p:{rival}"), f"p:{chosen}", f"p:{rival}")
    return np.inf if compared is None else compared[0] + NORMAL_QUANTILE * compared[1]


def reliability_table(result: Backtest, chosen: str) -> tuple[tuple[float, float, int], ...]:
    """Return mean prediction of `chosen`, observed share of churners and number of rows, by tenths of the prediction."""
    if result.frame is None or f"p:{chosen}" not in result.frame.columns:
        return ()
    ordered = (
        result.rows_with(f"p:{chosen}").select(pl.col(f"p:{chosen}").alias("p"), pl.col("churned").cast(pl.Float64)).sort("p")
    )
    tenth = (pl.int_range(pl.len()) * BINS // pl.len()).alias("tenth")
    tenths = ordered.group_by(tenth, maintain_order=True).agg(pl.col("p").mean(), pl.col("churned").mean(), pl.len())
    return tuple((row[1], row[2], row[3]) for row in tenths.iter_rows())


def calibration_floor(p: Array) -> float:
    """Return the calibration error of a perfect model on as many rows: its mean over outcomes simulated from p."""
    rng = np.random.default_rng(1)
    return float(np.mean([calibration_error((rng.random(len(p)) < p).astype(np.float64), p) for _ in range(SIMULATIONS)]))


def _worst_segment_ratio(own: dict[str, dict[str, float]], baseline: dict[str, dict[str, float]]) -> float:
    return max((own[segment]["log_loss"] / baseline[segment]["log_loss"] for segment in own if segment in baseline), default=1.0)
