"""The fit of the order models as a chart: repeat orders per customer and per week, before and after the split."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from features.rendering.figures import GREY, INK, PALETTE, REFERENCE, render_figure
from features.storage.files import atomic_path
from training.evaluation.order_model_fit import OrderFit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINE_STYLES = ("-", "--", ":")  # lines of models that agree would hide each other


def draw_order_fit(fit: OrderFit, path: Path) -> None:
    """Write three panels to a PNG: frequency histogram, orders per week, and cumulative orders."""

    def fill(figure: "Figure") -> None:
        histogram, weekly, cumulative = figure.subplots(3, 1)
        _histogram(histogram, fit)
        _weekly(weekly, fit)
        _cumulative(cumulative, fit)

    with atomic_path(path) as temporary:
        temporary.write_bytes(render_figure(fill, 10, 10.5, kind="png"))


def _histogram(axes: "Axes", fit: OrderFit) -> None:
    width = 0.8 / (len(fit.model_fits) + 1)
    first = next(iter(fit.model_fits.values())).counts
    bars = first["orders"].to_numpy()
    axes.bar(bars, first["actual"].to_numpy(), width, color=INK, label="actual")
    for position, (colour, (name, model_fit)) in enumerate(zip(PALETTE, fit.model_fits.items(), strict=False), 1):
        axes.bar(bars + position * width, model_fit.counts["expected"].to_numpy(), width, color=colour, label=name)
    axes.set_xticks(bars + 0.4 - width / 2, [*map(str, bars[:-1]), f"{bars[-1]} or more"])
    axes.set(xlabel=f"repeat orders before {fit.split}", ylabel="customers")
    axes.set_title(f"{fit.customers:,} customers by number of repeat orders", fontsize=10)
    axes.legend()


def _weekly(axes: "Axes", fit: OrderFit) -> None:
    _lines(axes, fit, pl.col)
    axes.set(ylabel="repeat orders per week")
    axes.set_title("Repeat orders per week of customers with a first order before the line", fontsize=10)


def _cumulative(axes: "Axes", fit: OrderFit) -> None:
    _lines(axes, fit, lambda column: pl.col(column).cum_sum())
    axes.set(ylabel="cumulative repeat orders")
    axes.set_title("The same, cumulative", fontsize=10)


def _lines(axes: "Axes", fit: OrderFit, transform: Callable[[str], pl.Expr]) -> None:
    from matplotlib.dates import ConciseDateFormatter

    first = next(iter(fit.model_fits.values())).weekly
    axes.plot(first["week"].to_numpy(), first.select(transform("actual")).to_series().to_numpy(), color=INK, label="actual")
    for colour, style, (name, model_fit) in zip(PALETTE, LINE_STYLES, fit.model_fits.items(), strict=False):
        expected = model_fit.weekly.select(transform("expected")).to_series().to_numpy()
        axes.plot(model_fit.weekly["week"].to_numpy(), expected, style, color=colour, linewidth=2, label=name)
    axes.axvline(fit.split, color=REFERENCE, linestyle="--", linewidth=1)  # type: ignore[arg-type]  # matplotlib takes dates
    axes.annotate(" after the fit", (fit.split, 0.97), xycoords=("data", "axes fraction"), va="top", fontsize=9, color=GREY)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))  # type: ignore[no-untyped-call]  # matplotlib's
    axes.set_ylim(bottom=0)
    axes.legend()
