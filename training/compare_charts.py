"""The pictures of a comparison: how far probabilities are frequencies, whom a model finds, and what values come to."""

from collections.abc import Callable
from io import BytesIO

import matplotlib as mpl
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.backtest import Backtest
from training.metrics import BINS, Array

mpl.use("Agg")
COLOURS = ("#1b6ca8", "#b26a00", "#2e7d32", "#8e24aa", "#c62828", "#455a64")
Draw = Callable[[Axes, str, pl.DataFrame, str], None]


def drawn(result: Backtest, churn: list[str], value: list[str]) -> dict[str, bytes]:
    """Return PNG pictures by title, of these candidates; none without a backtest."""
    if result.frame is None:
        return {}
    return {
        "Are probabilities frequencies?": _picture(
            result.frame, churn, _reliability, "foretold share that leaves", "share that left"
        ),
        "Lift": _picture(result.frame, churn, _lift, "share of customers, highest risk first", "churn rate over the average"),
        "Gains": _picture(result.frame, churn, _gains, "share of customers, highest risk first", "share of all churners found"),
        "Value by decile": _picture(result.frame, value, _deciles, "expected spend of a tenth, mean", "actual spend, mean"),
        "Whose spend is found": _picture(
            result.frame, value, _spend, "share of customers, highest value first", "share of all spend"
        ),
        "Bias of the total by origin": _picture(result.frame, value, _bias, "origin", "expected over actual spend, less 1"),
    }


def _picture(frame: pl.DataFrame, names: list[str], draw: Draw, x: str, y: str) -> bytes:
    figure = Figure(figsize=(5.6, 4.2), layout="constrained")
    axes = figure.subplots()
    for colour, name in zip(COLOURS, names, strict=False):
        draw(axes, name, frame, colour)
    axes.set(xlabel=x, ylabel=y)
    axes.legend(fontsize=8)
    held = BytesIO()
    figure.savefig(held, dpi=110, format="png")
    return held.getvalue()


def _reliability(axes: Axes, name: str, frame: pl.DataFrame, colour: str) -> None:
    foretold, seen = _groups(frame[f"p:{name}"].to_numpy(), frame["churned"].to_numpy())
    axes.plot([0, 1], [0, 1], color="0.75", linewidth=1)
    axes.plot(foretold, seen, "o-", markersize=4, color=colour, label=name)


def _lift(axes: Axes, name: str, frame: pl.DataFrame, colour: str) -> None:
    churned = _ordered(frame[f"p:{name}"].to_numpy(), frame["churned"].to_numpy())
    share = np.arange(1, len(churned) + 1) / len(churned)
    shown = share >= 0.01  # noqa: PLR2004  # before it a curve of a few customers jumps about
    axes.plot(share[shown], (np.cumsum(churned) / (share * len(churned)) / churned.mean())[shown], color=colour, label=name)


def _gains(axes: Axes, name: str, frame: pl.DataFrame, colour: str) -> None:
    _found(axes, _ordered(frame[f"p:{name}"].to_numpy(), frame["churned"].to_numpy()), name, colour)


def _spend(axes: Axes, name: str, frame: pl.DataFrame, colour: str) -> None:
    _found(axes, _ordered(frame[f"value:{name}"].to_numpy(), frame["next_spend"].clip(lower_bound=0).to_numpy()), name, colour)


def _found(axes: Axes, ordered: Array, name: str, colour: str) -> None:
    share = np.arange(1, len(ordered) + 1) / len(ordered)
    axes.plot([0, 1], [0, 1], color="0.75", linewidth=1)
    axes.plot(share, np.cumsum(ordered) / max(ordered.sum(), 1e-9), color=colour, label=name)


def _deciles(axes: Axes, name: str, frame: pl.DataFrame, colour: str) -> None:
    expected, seen = _groups(frame[f"value:{name}"].to_numpy(), frame["next_spend"].to_numpy())
    top = max(*expected, *seen)
    axes.plot([0, top], [0, top], color="0.75", linewidth=1)
    axes.plot(expected, seen, "o-", markersize=4, color=colour, label=name)


def _bias(axes: Axes, name: str, frame: pl.DataFrame, colour: str) -> None:
    totals = (
        frame.group_by("origin").agg(pl.col(f"value:{name}").sum().alias("expected"), pl.col("next_spend").sum()).sort("origin")
    )
    axes.axhline(0, color="0.75", linewidth=1)
    off = (totals["expected"] / totals["next_spend"] - 1).to_list()
    axes.plot([str(origin) for origin in totals["origin"]], off, "o-", markersize=4, color=colour, label=name)


def _ordered(by: Array, values: Array) -> Array:
    ordered: Array = values[np.argsort(-by, kind="stable")]
    return ordered


def _groups(by: Array, values: Array) -> tuple[list[float], list[float]]:
    parts = [part for part in np.array_split(np.argsort(by, kind="stable"), BINS) if len(part)]
    return [float(by[part].mean()) for part in parts], [float(values[part].mean()) for part in parts]
