"""The pictures of a comparison: how far probabilities are frequencies, whom a model finds, and what values come to."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import matplotlib as mpl
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.evaluation.backtest import Backtest
from training.metrics import BINS, Array

mpl.use("Agg")
COLOURS = ("#1b6ca8", "#b26a00", "#2e7d32", "#8e24aa", "#c62828", "#455a64")
Draw = Callable[[Axes, str, pl.DataFrame, str], None]


@dataclass(frozen=True)
class Picture:
    """A PNG with its title and a name for its file."""

    file: str
    title: str
    png: bytes


def drawn(result: Backtest, churn: list[str], value: list[str]) -> list[Picture]:
    """Return the pictures of these candidates; none without a backtest."""
    frame = result.frame
    if frame is None:
        return []
    riskiest, worthiest = "share of customers, highest risk first", "share of customers, highest value first"
    return [
        _picture(
            "calibration",
            "Are probabilities frequencies?",
            frame,
            churn,
            _reliability,
            "foretold share that leaves",
            "share that left",
        ),
        _picture("lift", "Lift", frame, churn, _lift, riskiest, "churn rate over the average"),
        _picture("gains", "Gains", frame, churn, _gains, riskiest, "share of all churners found"),
        _picture(
            "value_by_decile", "Value by decile", frame, value, _deciles, "expected spend of a tenth, mean", "actual spend, mean"
        ),
        _picture("spend_found", "Whose spend is found", frame, value, _spend, worthiest, "share of all spend"),
        _picture("bias", "Bias of the total by origin", frame, value, _bias, "origin", "expected over actual spend, less 1"),
    ]


def _picture(file: str, title: str, frame: pl.DataFrame, names: list[str], draw: Draw, x: str, y: str) -> Picture:
    figure = Figure(figsize=(5.6, 4.2), layout="constrained")
    axes = figure.subplots()
    for colour, name in zip(COLOURS, names, strict=False):
        draw(axes, name, frame, colour)
    axes.set(xlabel=x, ylabel=y)
    if names:
        axes.legend(fontsize=8)
    return taken(figure, file, title)


def taken(figure: Figure, file: str, title: str) -> Picture:
    """Return the figure as a picture."""
    held = BytesIO()
    figure.savefig(held, dpi=110, format="png")
    return Picture(f"{file}.png", title, held.getvalue())


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
