"""The grade of a trained model: the figures of its backtest that promotion looks at."""

from typing import Any

import numpy as np
import polars as pl

from models.registry import BASELINE
from training.evaluation.backtest import Backtest
from training.evaluation.bootstrap import paired_interval
from training.metrics import BINS, Array, calibration_error, log_loss

DRAWS = 20


def backtest_metrics(result: Backtest, board: dict[str, Any], chosen: str) -> dict[str, float]:
    """Return the grade of candidate `chosen`; empty where it was not judged.

    log_loss, baseline_log_loss, calibration_error, calibration_floor (what a perfect model of that size would show),
    worst_segment (the highest ratio of log-loss to the baseline's over segments), and for every other candidate above_<name>:
    the upper end of the 95 % interval of the difference in log-loss, below 0 where `chosen` is surely better.
    """
    entries = {entry["candidate"]: entry for entry in board["churn"]}
    if chosen not in entries or result.frame is None or BASELINE.name not in entries:
        return {}
    churned, p = result.frame["churned"].to_numpy(), result.frame[f"p:{chosen}"].to_numpy()
    others = [name for name in entries if name != chosen]
    above = {f"above_{name}": paired_interval(log_loss, churned, p, result.frame[f"p:{name}"].to_numpy())[1] for name in others}
    return {
        "log_loss": entries[chosen]["log_loss"],
        "baseline_log_loss": entries[BASELINE.name]["log_loss"],
        "calibration_error": entries[chosen]["calibration_error"],
        "calibration_floor": calibration_floor(p),
        "worst_segment": _worst(entries[chosen]["by_segment"], entries[BASELINE.name]["by_segment"]),
        **above,
    }


def reliability(result: Backtest, chosen: str) -> tuple[tuple[float, float, int], ...]:
    """Return, for tenths of the rows by the probability that `chosen` foretold: its mean, the share that left, the rows."""
    if result.frame is None or f"p:{chosen}" not in result.frame.columns:
        return ()
    ordered = result.frame.select(pl.col(f"p:{chosen}").alias("p"), pl.col("churned").cast(pl.Float64)).sort("p")
    tenth = (pl.int_range(pl.len()) * BINS // pl.len()).alias("tenth")
    told = ordered.group_by(tenth, maintain_order=True).agg(pl.col("p").mean(), pl.col("churned").mean(), pl.len())
    return tuple((row[1], row[2], row[3]) for row in told.iter_rows())


def calibration_floor(p: Array) -> float:
    """Return the calibration error that a perfect model would show on so many rows: outcomes drawn from p itself."""
    rng = np.random.default_rng(1)
    return float(np.mean([calibration_error((rng.random(len(p)) < p).astype(np.float64), p) for _ in range(DRAWS)]))


def _worst(own: dict[str, dict[str, float]], naive: dict[str, dict[str, float]]) -> float:
    return max((own[segment]["log_loss"] / naive[segment]["log_loss"] for segment in own if segment in naive), default=1.0)
