"""The trend of a table over its loads as a picture that stands in the page itself."""

import io
from datetime import datetime

from matplotlib.figure import Figure

from expectations.history.loads import LoadRecord

FEWEST = 2
SHOWN = 60
USED, SET_ASIDE, STOPPED = "#1a7f37", "#c62828", "#888888"


def trend(loads: list[LoadRecord]) -> str:
    """Return rows used and set aside per load as SVG; an empty text for fewer than two loads, which make no trend."""
    shown = loads[-SHOWN:]
    if len(shown) < FEWEST:
        return ""
    figure = Figure(figsize=(8, 2.1), layout="constrained")
    axes = figure.add_subplot()
    places = range(len(shown))
    good = [load.used if load.usable else 0 for load in shown]
    stopped = [0 if load.usable else load.used for load in shown]
    axes.bar(places, good, color=USED, label="used")
    if any(stopped):
        axes.bar(places, stopped, color=STOPPED, label="stopped")
    axes.bar(
        places, [load.quarantined for load in shown], bottom=[load.used for load in shown], color=SET_ASIDE, label="set aside"
    )
    axes.set_xticks([0, len(shown) - 1], [_day(shown[0]), _day(shown[-1])])
    axes.yaxis.set_major_formatter(lambda rows, _: f"{rows:,.0f}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(f"Rows in the last {len(shown)} loads", loc="left", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return _inline(figure)


def _day(load: LoadRecord) -> str:
    return f"{datetime.fromisoformat(load.checked_at):%Y-%m-%d}"


def _inline(figure: Figure) -> str:
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    svg = drawn.getvalue()
    return svg[svg.index("<svg") :].replace("<svg ", '<svg class="trend" role="img" aria-label="Rows per load" ', 1)
