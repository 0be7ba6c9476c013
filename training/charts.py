"""Calibration and lift as pictures."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import polars as pl
from matplotlib.figure import Figure

from training.backtest import Backtest
from training.metrics import BINS, Array

mpl.use("Agg")


def draw_charts(result: Backtest, folder: Path) -> list[Path]:
    """Write calibration.png and lift.png of every churn candidate into `folder`; nothing without a backtest."""
    if result.frame is None:
        return []
    return [_calibration(result, result.frame, folder / "calibration.png"), _lift(result, result.frame, folder / "lift.png")]


def _calibration(result: Backtest, frame: pl.DataFrame, path: Path) -> Path:
    figure = Figure(figsize=(6.4, 5.4), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1, label="perfect")
    for name in result.candidates("p:"):
        foretold, seen = _bins(frame[f"p:{name}"].to_numpy(), frame["churned"].to_numpy())
        axes.plot(foretold, seen, marker="o", markersize=4, label=name)
    axes.set(xlabel="foretold share of customers who leave", ylabel="share that left", xlim=(0, 1), ylim=(0, 1))
    axes.set_title(f"Calibration in ten groups, {_window(result)}", fontsize=10)
    axes.legend()
    figure.savefig(path, dpi=120)
    return path


def _lift(result: Backtest, frame: pl.DataFrame, path: Path) -> Path:
    figure = Figure(figsize=(6.4, 5.4), layout="constrained")
    axes = figure.subplots()
    churned = frame["churned"].to_numpy()
    share = np.arange(1, len(churned) + 1) / len(churned)
    for name in result.candidates("p:"):
        order = np.argsort(-frame[f"p:{name}"].to_numpy(), kind="stable")
        axes.plot(share, np.cumsum(churned[order]) / np.arange(1, len(churned) + 1) / churned.mean(), label=name)
    axes.axhline(1, color="0.6", linestyle="--", linewidth=1, label="chance")
    axes.set(xlabel="share of customers, highest risk first", ylabel="churn rate over the average", xlim=(0.01, 1))
    axes.set_title(f"Lift, {_window(result)}", fontsize=10)
    axes.legend()
    figure.savefig(path, dpi=120)
    return path


def _bins(p: Array, churned: Array) -> tuple[list[float], list[float]]:
    parts = np.array_split(np.argsort(p, kind="stable"), BINS)
    return [float(p[part].mean()) for part in parts], [float(churned[part].mean()) for part in parts]


def _window(result: Backtest) -> str:
    return "from " + ", ".join(str(origin) for origin in result.origins)
