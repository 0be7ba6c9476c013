"""Charts of a comparison: calibration, lift and gains of churn; deciles, captured spend and bias of value."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from features.frames.arrays import Array
from features.rendering.figures import PALETTE, REFERENCE, Fill, render_figure
from training.evaluation.backtest_result import Backtest
from training.metrics import BINS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MIN_SHARE = 0.01  # below it, the lift of a few customers is only noise
Draw = Callable[["Axes", str, pl.DataFrame, str], None]


@dataclass(frozen=True)
class Picture:
    """A PNG with its title and the name of its file."""

    file: str
    title: str
    png: bytes


def draw_comparison(result: Backtest, churn: list[str], value: list[str]) -> list[Picture]:
    """Return the charts of these candidates; an empty list without a backtest."""
    frame = result.frame
    if frame is None:
        return []
    riskiest, worthiest = "share of customers, highest risk first", "share of customers, highest value first"
    predicted, observed = "predicted share of churners", "observed share of churners"
    expected, actual = "expected spend, mean of a tenth", "actual spend, mean"
    total_bias = "expected over actual spend, minus 1"
    return [
        _picture(frame, "p:", churn, _calibration, file="calibration", title="Calibration", x=predicted, y=observed),
        _picture(frame, "p:", churn, _lift, file="lift", title="Lift", x=riskiest, y="churn rate over the average"),
        _picture(frame, "p:", churn, _gains, file="gains", title="Gains", x=riskiest, y="share of all churners"),
        _picture(frame, "value:", value, _deciles, file="value_by_decile", title="Value by decile", x=expected, y=actual),
        _picture(
            frame,
            "value:",
            value,
            _captured_spend,
            file="spend_found",
            title="Captured spend",
            x=worthiest,
            y="share of all spend",
        ),
        _picture(frame, "value:", value, _bias, file="bias", title="Bias of the total by origin", x="origin", y=total_bias),
    ]


def _picture(frame: pl.DataFrame, prefix: str, names: list[str], draw: Draw, *, file: str, title: str, x: str, y: str) -> Picture:
    def fill(figure: "Figure") -> None:
        axes = figure.subplots()
        for colour, name in zip(PALETTE, names, strict=False):
            draw(axes, name, frame.drop_nulls(f"{prefix}{name}"), colour)
        axes.set(xlabel=x, ylabel=y)
        if names:
            axes.legend(fontsize=8)

    return render_picture(fill, 5.6, 4.2, file=file, title=title)


def render_picture(fill: Fill, width: float, height: float, *, file: str, title: str) -> Picture:
    """Return the figure that `fill` draws as a picture; sizes are in inches."""
    return Picture(f"{file}.png", title, render_figure(fill, width, height, kind="png"))


def _calibration(axes: "Axes", name: str, frame: pl.DataFrame, colour: str) -> None:
    predicted, observed = _bin_means(frame[f"p:{name}"].to_numpy(), frame["churned"].to_numpy())
    axes.plot([0, 1], [0, 1], color=REFERENCE, linewidth=1)
    axes.plot(predicted, observed, "o-", markersize=4, color=colour, label=name)


def _lift(axes: "Axes", name: str, frame: pl.DataFrame, colour: str) -> None:
    churned = _highest_first(frame[f"p:{name}"].to_numpy(), frame["churned"].to_numpy())
    share = np.arange(1, len(churned) + 1) / len(churned)
    lift = np.cumsum(churned) / (share * len(churned)) / churned.mean()
    shown = share >= MIN_SHARE
    axes.plot(share[shown], lift[shown], color=colour, label=name)


def _gains(axes: "Axes", name: str, frame: pl.DataFrame, colour: str) -> None:
    _cumulative_share(axes, _highest_first(frame[f"p:{name}"].to_numpy(), frame["churned"].to_numpy()), name, colour)


def _captured_spend(axes: "Axes", name: str, frame: pl.DataFrame, colour: str) -> None:
    spend = frame["next_spend"].clip(lower_bound=0).to_numpy()
    _cumulative_share(axes, _highest_first(frame[f"value:{name}"].to_numpy(), spend), name, colour)


def _cumulative_share(axes: "Axes", ordered: Array, name: str, colour: str) -> None:
    share = np.arange(1, len(ordered) + 1) / len(ordered)
    axes.plot([0, 1], [0, 1], color=REFERENCE, linewidth=1)
    axes.plot(share, np.cumsum(ordered) / max(ordered.sum(), 1e-9), color=colour, label=name)


def _deciles(axes: "Axes", name: str, frame: pl.DataFrame, colour: str) -> None:
    expected, actual = _bin_means(frame[f"value:{name}"].to_numpy(), frame["next_spend"].to_numpy())
    top = max(*expected, *actual)
    axes.plot([0, top], [0, top], color=REFERENCE, linewidth=1)
    axes.plot(expected, actual, "o-", markersize=4, color=colour, label=name)


def _bias(axes: "Axes", name: str, frame: pl.DataFrame, colour: str) -> None:
    totals = (
        frame.group_by("origin").agg(pl.col(f"value:{name}").sum().alias("expected"), pl.col("next_spend").sum()).sort("origin")
    )
    axes.axhline(0, color=REFERENCE, linewidth=1)
    bias = (totals["expected"] / totals["next_spend"] - 1).to_list()
    axes.plot([str(origin) for origin in totals["origin"]], bias, "o-", markersize=4, color=colour, label=name)


def _highest_first(score: Array, values: Array) -> Array:
    ordered: Array = values[np.argsort(-score, kind="stable")]
    return ordered


def _bin_means(score: Array, values: Array) -> tuple[list[float], list[float]]:
    """Return the mean score and the mean value of ten bins of equal size by score."""
    bins = [rows for rows in np.array_split(np.argsort(score, kind="stable"), BINS) if len(rows)]
    return [float(score[rows].mean()) for rows in bins], [float(values[rows].mean()) for rows in bins]
