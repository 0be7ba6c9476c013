"""Metrics of every prediction on a log, and the differences of the served scores from the log's best peer, with intervals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from benchmarks.logs.peers import CHURN_PEERS, VALUE_PEERS
from benchmarks.logs.served import SERVED
from features.frames.arrays import Array
from training.evaluation.auc_difference import auc_difference
from training.evaluation.backtest_metrics import NORMAL_QUANTILE, calibration_floor
from training.evaluation.bootstrap import TAILS, resample_customers
from training.evaluation.leaderboard import COMPARED_METRICS
from training.metrics import churn_metrics, value_metrics

HIGHER_IS_BETTER = {"auc", "gini"}
PEERS = {"p:": CHURN_PEERS, "value:": VALUE_PEERS}
OUTCOME = {"p:": "churned", "value:": "next_spend"}
MIN_GROUP_ROWS = 300


@dataclass(frozen=True)
class Difference:
    """Served less the best peer by a metric, its 95 % interval, and served over peer; `resampled` are both sides' resamples."""

    metric: str
    peer: str
    served: float
    best: float
    low: float
    high: float
    resampled: tuple[Array, Array]

    @property
    def verdict(self) -> str:
        """Better or worse if the interval excludes zero, else level."""
        if self.low <= 0 <= self.high:
            return "level"
        return "better" if (self.low > 0) == (self.metric in HIGHER_IS_BETTER) else "worse"


def model_table(frame: pl.DataFrame, prefix: str) -> list[dict[str, Any]]:
    """Return the metrics of every model with predictions, best first by log-loss or deviance."""
    outcome = frame[OUTCOME[prefix]].to_numpy()
    names = [column.removeprefix(prefix) for column in frame.columns if column.startswith(prefix)]
    key = "log_loss" if prefix == "p:" else "tweedie_deviance"
    rows = [{"model": name, **_metrics(prefix, outcome, frame[prefix + name].to_numpy())} for name in names]
    return sorted(rows, key=lambda row: row[key])


def _metrics(prefix: str, outcome: Array, predicted: Array) -> dict[str, float]:
    if prefix == "value:":
        return value_metrics(outcome, predicted)
    metrics = churn_metrics(outcome, predicted)
    return metrics | {"beyond_chance": metrics["calibration_error"] - calibration_floor(predicted)}


def differences(frame: pl.DataFrame) -> Iterable[Difference]:
    """Yield the difference from the best peer of each metric, by paired bootstrap over customers."""
    resamples = resample_customers(frame["customer_id"])
    for prefix, metrics in COMPARED_METRICS.items():
        outcome = frame[OUTCOME[prefix]].to_numpy()
        peers = [peer for peer in PEERS[prefix] if prefix + peer in frame.columns]
        own = frame[prefix + SERVED].to_numpy()
        scores = {name: _metrics(prefix, outcome, frame[prefix + name].to_numpy()) for name in (*peers, SERVED)}
        for metric, resampled in metrics.items():
            select_best = max if metric in HIGHER_IS_BETTER else min
            _, best = select_best((scores[peer][metric], peer) for peer in peers)
            both = resampled(resamples, outcome, own), resampled(resamples, outcome, frame[prefix + best].to_numpy())
            low, high = np.nanquantile(both[0] - both[1], TAILS)
            yield Difference(metric, best, scores[SERVED][metric], scores[best][metric], float(low), float(high), both)


def auc_within_days(frame: pl.DataFrame) -> tuple[float, float, float, str]:
    """Return the AUC of the served scores less that of the best peer, its 95 % interval, and the peer: within days.

    Ranked over several days together, forecasts also differ by the level of each day, which says nothing about who is at risk.
    """
    peers = [peer for peer in CHURN_PEERS if f"p:{peer}" in frame.columns]
    compared = {peer: auc_difference(frame, f"p:{SERVED}", f"p:{peer}") for peer in peers}
    known = {peer: result for peer, result in compared.items() if result is not None}
    best = min(known, key=lambda peer: known[peer][0])
    difference, error = known[best]
    return difference, difference - NORMAL_QUANTILE * error, difference + NORMAL_QUANTILE * error, best


@dataclass(frozen=True)
class Pooled:
    """A metric over all logs, each with the same weight: the mean difference, or the mean ratio, with its 95 % interval."""

    metric: str
    mean: float
    low: float
    high: float
    is_ratio: bool


def pool(per_log: Sequence[Sequence[Difference]]) -> Iterable[Pooled]:
    """Yield ratios of log-loss and deviance, and differences of AUC and Gini, as means over the logs."""
    for same in zip(*per_log, strict=True):
        is_ratio = same[0].metric not in HIGHER_IS_BETTER
        combine = np.divide if is_ratio else np.subtract
        mean = float(np.mean([combine(d.served, d.best) for d in same]))
        low, high = np.nanquantile(np.mean([combine(*d.resampled) for d in same], axis=0), TAILS)
        yield Pooled(same[0].metric, mean, float(low), float(high), is_ratio)


def interval_groups(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the share above value_high and below value_low, and the calibration beyond chance: of all, and by group.

    Groups with fewer than 300 rows are left out.
    """
    buyer = pl.when(pl.col("frequency") > 0).then(pl.lit("repeat buyers")).otherwise(pl.lit("one-time buyers"))
    silence = pl.col("recency_days").qcut(3, labels=["short silence", "medium silence", "long silence"], allow_duplicates=True)
    value = pl.col(f"value:{SERVED}").qcut(3, labels=["low value", "medium value", "high value"], allow_duplicates=True)
    labels = {
        "all": pl.lit("all"),
        "buyer": buyer,
        "silence": silence.cast(pl.String),
        "value": value.cast(pl.String),
        "segment": pl.col("loyalty_segment").fill_null("no segment"),
        "origin": pl.col("origin").cast(pl.String),
    }
    rows = []
    for label in labels.values():
        for (group,), members in frame.with_columns(label.alias("group")).group_by("group", maintain_order=True):
            if group is not None and (members.height >= MIN_GROUP_ROWS or group == "all"):
                rows.append({"group": str(group), **_group_figures(members)})
    return rows


def _group_figures(rows: pl.DataFrame) -> dict[str, float]:
    p, churned, spend = rows[f"p:{SERVED}"].to_numpy(), rows["churned"].to_numpy(), rows["next_spend"]
    return {
        "rows": rows.height,
        "above_high": float((spend > rows["value_high"]).mean()),  # type: ignore[arg-type]  # the mean of booleans
        "below_low": float((spend < rows["value_low"]).mean()),  # type: ignore[arg-type]
        "beyond_chance": _metrics("p:", churned, p)["beyond_chance"],
        "mean_p": float(p.mean()),
        "churned": float(churned.mean()),
    }


def next_order_shares(frame: pl.DataFrame, last_day: pl.Expr) -> dict[str, float]:
    """Return the share of customers with a date who had ordered by the 10 %, 50 % and 90 % date, where the log reaches it."""
    figures: dict[str, float] = {"dated": float(frame["next_order_date"].is_not_null().mean())}  # type: ignore[arg-type]
    for column in ("next_order_low", "next_order_date", "next_order_high"):
        reached = frame.filter(pl.col(column).is_not_null() & (pl.col(column) <= last_day))
        ordered = reached.select((pl.col("wait") <= (pl.col(column) - pl.col("origin")).dt.total_days()).fill_null(value=False))
        figures[column] = float(ordered.to_series().mean()) if reached.height else np.nan  # type: ignore[arg-type]
        figures[f"{column}_rows"] = reached.height
    return figures
