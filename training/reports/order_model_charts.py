"""The fit of the order models as a picture: repeat orders per customer, and per week, within the fit and after it."""

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import polars as pl
from matplotlib.axes import Axes
from matplotlib.dates import ConciseDateFormatter
from matplotlib.figure import Figure

from features.storage.files import atomic_path
from training.evaluation.order_model_fit import OrderFit

mpl.use("Agg")
ACTUAL = "0.25"
COLOURS = ("#1b6ca8", "#b26a00", "#2e7d32")
STROKES = ("-", "--", ":")  # where models agree their lines lie on each other


def draw_order_fit(fit: OrderFit, path: Path) -> None:
    """Write three panels: the frequency histogram, orders per week, and orders so far."""
    figure = Figure(figsize=(10, 10.5), layout="constrained")
    counts, weeks, so_far = figure.subplots(3, 1)
    _counts(counts, fit)
    _weeks(weeks, fit)
    _so_far(so_far, fit)
    with atomic_path(path) as beside:
        figure.savefig(beside, dpi=110, format="png")


def _counts(axes: Axes, fit: OrderFit) -> None:
    width = 0.8 / (len(fit.of_models) + 1)
    first = next(iter(fit.of_models.values())).counts
    places = first["orders"].to_numpy()
    axes.bar(places, first["actual"].to_numpy(), width, color=ACTUAL, label="actual")
    for step, (colour, (name, of_model)) in enumerate(zip(COLOURS, fit.of_models.items(), strict=True), 1):
        axes.bar(places + step * width, of_model.counts["expected"].to_numpy(), width, color=colour, label=name)
    axes.set_xticks(places + 0.4 - width / 2, [*map(str, places[:-1]), f"{places[-1]} or more"])
    axes.set(xlabel=f"repeat orders before {fit.split}", ylabel="customers")
    axes.set_title(f"{fit.customers:,} customers by how often they came back", fontsize=10)
    axes.legend()


def _weeks(axes: Axes, fit: OrderFit) -> None:
    _lines(axes, fit, pl.col)
    axes.set(ylabel="repeat orders in a week")
    axes.set_title("Repeat orders per week of customers who first bought before the line", fontsize=10)


def _so_far(axes: Axes, fit: OrderFit) -> None:
    _lines(axes, fit, lambda column: pl.col(column).cum_sum())
    axes.set(ylabel="repeat orders so far")
    axes.set_title("The same, added up", fontsize=10)


def _lines(axes: Axes, fit: OrderFit, shown: Callable[[str], pl.Expr]) -> None:
    first = next(iter(fit.of_models.values())).weekly
    axes.plot(first["week"].to_numpy(), first.select(shown("actual")).to_series().to_numpy(), color=ACTUAL, label="actual")
    for colour, stroke, (name, of_model) in zip(COLOURS, STROKES, fit.of_models.items(), strict=True):
        expected = of_model.weekly.select(shown("expected")).to_series().to_numpy()
        axes.plot(of_model.weekly["week"].to_numpy(), expected, stroke, color=colour, linewidth=2, label=name)
    axes.axvline(fit.split, color="0.6", linestyle="--", linewidth=1)  # type: ignore[arg-type]  # matplotlib takes dates
    axes.annotate(" after the fit", (fit.split, 0.97), xycoords=("data", "axes fraction"), va="top", fontsize=9, color="0.4")
    axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))  # type: ignore[no-untyped-call]  # matplotlib's
    axes.set_ylim(bottom=0)
    axes.legend()
