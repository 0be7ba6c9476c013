"""Every picture: one palette, one set of fonts, and one way from a Matplotlib figure to bytes."""

import io
import warnings
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, AMBER, GREEN, PURPLE, RED, TEAL, GREY = "#1b5e9b", "#a85b00", "#2e7d32", "#7b3fa0", "#b3261e", "#00737f", "#5f6b76"
PALETTE = (BLUE, AMBER, GREEN, PURPLE, RED, TEAL, GREY)
INK, REFERENCE = "#333333", "#8a949e"  # texts and zero lines; diagonals and other lines to compare with
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "holdfast",
    "text.parse_math": False,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": REFERENCE,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.grid": True,
    "grid.color": "#e3e6e9",
    "axes.axisbelow": True,
    "legend.frameon": False,
}
PNG_DPI = 110
DRAW_LOCK = Lock()  # Matplotlib is not thread-safe
Fill = Callable[["Figure"], None]


def render_figure(fill: Fill, width: float, height: float, *, kind: Literal["svg", "png"] = "svg") -> bytes:
    """Return a figure as SVG or PNG, with equal bytes for equal figures; `fill` draws on it. Sizes are in inches.

    Matplotlib is imported on first use, so that a process without pictures does not load it.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    out = io.BytesIO()
    with DRAW_LOCK, mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # characters that the font lacks are drawn as boxes
        figure = Figure(figsize=(width, height), layout="constrained")
        fill(figure)
        figure.savefig(out, format=kind, dpi=PNG_DPI, metadata={"Date": None, "Creator": None} if kind == "svg" else None)
    return out.getvalue()
