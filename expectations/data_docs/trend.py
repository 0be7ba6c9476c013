"""Draw the rows of a table over its loads as a picture inside the page."""

from datetime import datetime
from typing import TYPE_CHECKING

from expectations.history.loads import LoadRecord
from features.rendering.figures import GREEN, GREY, RED, render_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MIN_LOADS = 2
MAX_LOADS_SHOWN = 60


def render_trend(loads: list[LoadRecord]) -> str:
    """Return the rows used and set aside per load as an SVG element; an empty text for fewer than two loads."""
    shown = loads[-MAX_LOADS_SHOWN:]
    if len(shown) < MIN_LOADS:
        return ""
    svg = render_figure(lambda figure: _draw(figure, shown), 8, 2.1).decode()
    return svg[svg.index("<svg") :].replace("<svg ", '<svg class="trend" role="img" aria-label="Rows per load" ', 1)


def _draw(figure: "Figure", shown: list[LoadRecord]) -> None:
    axes = figure.subplots()
    positions = range(len(shown))
    stopped = [0 if load.usable else load.used for load in shown]
    axes.bar(positions, [load.used if load.usable else 0 for load in shown], color=GREEN, label="used")
    if any(stopped):
        axes.bar(positions, stopped, color=GREY, label="stopped")
    quarantined, used = [load.quarantined for load in shown], [load.used for load in shown]
    axes.bar(positions, quarantined, bottom=used, color=RED, label="set aside")
    axes.set_xticks([0, len(shown) - 1], [_format_day(shown[0]), _format_day(shown[-1])])
    axes.yaxis.set_major_formatter(lambda rows, _: f"{rows:,.0f}")
    axes.grid(visible=False, axis="x")
    axes.set_title(f"Rows in the last {len(shown)} loads", loc="left", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))


def _format_day(load: LoadRecord) -> str:
    return f"{datetime.fromisoformat(load.checked_at):%Y-%m-%d}"
