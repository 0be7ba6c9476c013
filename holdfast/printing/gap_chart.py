"""The times between purchases as a picture, with both windows marked."""

from pathlib import Path

import matplotlib as mpl
import polars as pl
from matplotlib.figure import Figure

from features.storage.files import atomic_path
from features.windows import Windows

mpl.use("Agg")
BARS = 60


def draw_gaps(silent: pl.DataFrame, proposal: Windows, path: Path) -> None:
    """Write a histogram of the gaps between purchases, up to their 99 % quantile or the activity window."""
    gaps = silent.filter("ended")["days"]
    widest = max(float(gaps.quantile(0.99) or 1), proposal.active_days * 1.1)
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.hist(gaps.to_numpy(), bins=BARS, range=(0, widest), color="#7aa6c2")
    axes.axvline(proposal.horizon_days, color="#b26a00", label=f"80 % within {proposal.horizon_days} days")
    axes.axvline(proposal.active_days, color="#c62828", label=f"rarely back after {proposal.active_days} days")
    axes.set(xlabel="days between two purchases", ylabel="how often", xlim=(0, widest))
    axes.set_title(f"{gaps.len():,} gaps between purchases", fontsize=10)
    axes.legend()
    with atomic_path(path) as beside:
        figure.savefig(beside, dpi=120, format="png")
