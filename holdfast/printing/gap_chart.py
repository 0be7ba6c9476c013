"""Draw the gaps between purchases, with both windows marked."""

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from features.rendering.figures import AMBER, BLUE, RED, render_figure
from features.storage.files import atomic_path
from features.windows import Windows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 60


def draw_order_gaps(gaps: pl.DataFrame, proposal: Windows, path: Path) -> None:
    """Write a histogram of the gaps to a PNG, up to their 99 % quantile or just past the activity window."""
    days = gaps.filter("ended")["days"]
    max_days = max(float(days.quantile(0.99) or 1), proposal.active_days * 1.1)

    def fill(figure: "Figure") -> None:
        axes = figure.subplots()
        axes.hist(days.to_numpy(), bins=BINS, range=(0, max_days), color=BLUE, alpha=0.6)
        axes.axvline(proposal.horizon_days, color=AMBER, label=f"80 % within {proposal.horizon_days} days")
        axes.axvline(proposal.active_days, color=RED, label=f"few return after {proposal.active_days} days")
        axes.set(xlabel="days between two purchases", ylabel="number of gaps", xlim=(0, max_days))
        axes.set_title(f"{days.len():,} gaps between purchases", fontsize=10)
        axes.legend()

    with atomic_path(path) as temporary:
        temporary.write_bytes(render_figure(fill, 7.2, 4.2, kind="png"))
