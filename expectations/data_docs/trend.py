"""Draw the rows of a table over its loads as a picture inside the page."""

import io
from datetime import datetime

from matplotlib.figure import Figure

from expectations.history.loads import LoadRecord

MIN_LOADS = 2
MAX_LOADS_SHOWN = 60
USED_COLOUR, SET_ASIDE_COLOUR, STOPPED_COLOUR = "#1a7f37", "#c62828", "#888888"


def render_trend(loads: list[LoadRecord]) -> str:
    """Return the rows used and set aside per load as an SVG element; an empty text for fewer than two loads."""
    shown = loads[-MAX_LOADS_SHOWN:]
    if len(shown) < MIN_LOADS:
        return ""
    figure = Figure(figsize=(8, 2.1), layout="constrained")
    axes = figure.add_subplot()
    positions = range(len(shown))
    used = [load.used for load in shown]
    usable = [load.used if load.usable else 0 for load in shown]
    stopped = [0 if load.usable else load.used for load in shown]
    axes.bar(positions, usable, color=USED_COLOUR, label="used")
    if any(stopped):
        axes.bar(positions, stopped, color=STOPPED_COLOUR, label="stopped")
    axes.bar(positions, [load.quarantined for load in shown], bottom=used, color=SET_ASIDE_COLOUR, label="set aside")
    axes.set_xticks([0, len(shown) - 1], [_format_day(shown[0]), _format_day(shown[-1])])
    axes.yaxis.set_major_formatter(lambda rows, _: f"{rows:,.0f}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(f"Rows in the last {len(shown)} loads", loc="left", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return _to_inline_svg(figure)


def _format_day(load: LoadRecord) -> str:
    return f"{datetime.fromisoformat(load.checked_at):%Y-%m-%d}"


def _to_inline_svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    svg = buffer.getvalue()
    return svg[svg.index("<svg") :].replace("<svg ", '<svg class="trend" role="img" aria-label="Rows per load" ', 1)
