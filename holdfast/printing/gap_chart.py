"""Draw the gaps between purchases and how long silences last, with both windows marked."""

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from features.rendering.figures import AMBER, BLUE, RED, render_figure
from features.storage.files import atomic_path
from features.windows import Proposal, silence_survival

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 60


def draw_order_gaps(gaps: pl.DataFrame, proposal: Proposal, path: Path) -> None:
    """Write a histogram of the gaps and the survival curve of silences to a PNG.

    The axis ends at the 99 % quantile of the gaps, or just past the activity window.
    """
    days, windows, survival = gaps.filter("ended")["days"], proposal.windows, silence_survival(gaps)
    max_days = max(float(days.quantile(0.99) or 1), windows.active_days * 1.1)
    returned = "" if proposal.returned is None else f", {proposal.returned:.0%} return"

    def fill(figure: "Figure") -> None:
        above, below = figure.subplots(2, 1, sharex=True)
        above.hist(days.to_numpy(), bins=BINS, range=(0, max_days), color=BLUE, alpha=0.6)
        above.set(ylabel="number of gaps", xlim=(0, max_days))
        above.set_title(f"{days.len():,} gaps between purchases", fontsize=10)
        below.step(survival["days"].to_numpy(), survival["survival"].to_numpy(), where="pre", color=BLUE)
        below.set(xlabel="days without a purchase", ylabel="share still silent", ylim=(0, 1))
        for axes in (above, below):
            axes.axvline(windows.horizon_days, color=AMBER, label=f"{proposal.within:.0%} within {windows.horizon_days} days")
            axes.axvline(windows.active_days, color=RED, label=f"after {windows.active_days} days{returned}")
        above.legend()

    with atomic_path(path) as temporary:
        temporary.write_bytes(render_figure(fill, 7.2, 6.2, kind="png"))
