"""Charts of the pages, as SVG drawn by Matplotlib on the server. The pages have the numbers beside them."""

import io
import warnings
from collections.abc import Callable, Sequence
from datetime import date
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_WEEKS = 5  # labels below a picture of weeks
BLUE, AMBER, GREEN, RED, GREY = "#1b5e9b", "#a85b00", "#2e7d32", "#b3261e", "#5f6b76"
PALETTE = (BLUE, AMBER, GREEN, "#7b3fa0", RED, "#00737f", GREY)
WIDTH, ROW, MAX_NAME_LENGTH = 7.2, 0.34, 32
DRAWING = Lock()  # Matplotlib draws in one thread at a time
Draw = Callable[["Axes"], None]


@cache
def _matplotlib() -> None:
    """Set Matplotlib up on first use: a worker that shows no page does without."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {
        "svg.hashsalt": "holdfast",
        "text.parse_math": False,
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#8a949e",
        "axes.labelcolor": "#333333",
        "xtick.color": "#333333",
        "ytick.color": "#333333",
        "axes.grid": True,
        "grid.color": "#e3e6e9",
        "axes.axisbelow": True,
        "legend.frameon": False,
    }


def svg(draw: Draw, height: float = 3.0, width: float = WIDTH) -> bytes:
    """Return what `draw` draws, as SVG."""
    return _picture(lambda figure: draw(figure.subplots()), width, height)


def _picture(fill: Callable[["Figure"], None], width: float, height: float) -> bytes:
    _matplotlib()
    from matplotlib.figure import Figure

    out = io.BytesIO()
    with DRAWING, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that the font does not have are drawn as boxes
        figure = Figure(figsize=(width, height), layout="constrained")
        fill(figure)
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()


def budget(curve: dict[str, Any], chosen: float | None, currency: str) -> bytes:
    """Expected profit against money spent; the point where the next unit no longer pays, and the budget chosen."""

    def draw(axes: "Axes") -> None:
        spent, profit = np.array(curve["spent"]), np.array(curve["profit"])
        axes.plot(spent, profit, color=BLUE, linewidth=2)
        best = curve["best_budget"]
        axes.axvline(best, color=GREEN, linestyle="--", linewidth=1.2)
        said = "beyond here the next unit\nno longer pays"
        aside: dict[str, Any] = {"textcoords": "offset points", "xytext": (-6, 0), "ha": "right", "color": GREEN}
        axes.annotate(said, (best, 0.06), xycoords=("data", "axes fraction"), **aside)
        if chosen is not None:
            at = min(max(chosen, 0.0), float(spent[-1]))
            there = at, float(np.interp(at, spent, profit))
            axes.plot(*there, "o", color=AMBER, markersize=8)
            axes.annotate("your budget", there, xytext=(8, -14), textcoords="offset points", color=AMBER)
        axes.set_xlabel(f"money spent, {currency}")
        axes.set_ylabel(f"expected profit, {currency}")
        axes.set_xlim(left=0)

    return svg(draw, 2.9)


def score_history(days: Sequence[date], p_churn: Sequence[float]) -> bytes:
    """The risk that each kept run foretold."""

    def draw(axes: "Axes") -> None:
        axes.plot(np.array(days, dtype="datetime64[D]"), 100 * np.array(p_churn), "o-", color=BLUE)
        axes.set_ylim(0, 100)
        axes.set_ylabel("risk of no order, %")
        _few_dates(axes)

    return svg(draw, 2.2)


def plain(name: str) -> str:
    """Return a name as a chart can show it: without control characters, and not too long."""
    shown = "".join(letter for letter in name if letter.isprintable())
    return shown if len(shown) <= MAX_NAME_LENGTH else f"{shown[:MAX_NAME_LENGTH]}..."


def brands(days: Sequence[date], bought: Sequence[str]) -> bytes:
    """A dot per purchase, a line per brand, the brand bought most on top."""

    def draw(axes: "Axes") -> None:
        names, counts = np.unique(np.array(bought), return_counts=True)
        order = [str(name) for name in names[np.argsort(-counts, kind="stable")]]
        rows = [len(order) - 1 - order.index(each) for each in bought]
        colours = [PALETTE[order.index(each) % len(PALETTE)] for each in bought]
        axes.scatter(np.array(days, dtype="datetime64[D]"), rows, s=34, color=colours)
        axes.set_yticks(range(len(order)), [plain(each) for each in order[::-1]])
        axes.set_ylim(-0.6, len(order) - 0.4)
        _few_dates(axes)

    return svg(draw, 0.9 + ROW * len(set(bought)))


def _few_dates(axes: "Axes") -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    where: Any = AutoDateLocator(minticks=2, maxticks=7)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(where)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(where))  # type: ignore[no-untyped-call]


def groups(names: Sequence[str], customers: Sequence[float], value_at_risk: Sequence[float], currency: str) -> bytes:
    """How many customers and how much value at risk each group has, side by side."""

    def fill(figure: "Figure") -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        places = np.arange(len(names))[::-1]
        for axes, values, colour, label in (
            (left, customers, BLUE, "customers"),
            (right, value_at_risk, AMBER, f"value at risk, {currency}"),
        ):
            axes.barh(places, values, color=colour)
            axes.set_xlabel(label)
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
            axes.locator_params(axis="x", nbins=4)
            axes.grid(visible=False, axis="y")
        left.set_yticks(places, [plain(each) for each in names])

    return _picture(fill, WIDTH, 0.9 + ROW * len(names))


def flow(moves: Sequence[tuple[str, str, int]]) -> bytes:
    """Where customers came from, on the left, and where they are now, on the right; bands as broad as they are many."""

    def draw(axes: "Axes") -> None:
        total = sum(count for _, _, count in moves)
        gap = 0.03 * total
        sides = [_stacked(moves, side, gap) for side in (0, 1)]
        used = [{name: start for name, (start, _) in side.items()} for side in sides]
        colours = {name: PALETTE[place % len(PALETTE)] for place, name in enumerate(dict.fromkeys([*sides[0], *sides[1]]))}
        for came, went, count in moves:
            ends = used[0][came], used[1][went]
            used[0][came] += count
            used[1][went] += count
            stays = came == went
            _band(axes, ends, count, GREY if stays else colours[came], 0.18 if stays else 0.55)
        for side, at, align in ((sides[0], 0.0, "right"), (sides[1], 1.0, "left")):
            middles = _apart([start + size / 2 for start, size in side.values()], 0.055 * (total + gap * len(side)))
            for (name, (start, size)), middle in zip(side.items(), middles, strict=True):
                axes.barh(start + size / 2, 0.02, height=size, left=at - 0.01, color=colours[name])
                axes.text(at + (0.025 if at else -0.025), middle, f"{plain(name)}  {size:,}", ha=align, va="center")
        axes.set_xlim(-0.42, 1.42)
        axes.axis("off")

    return svg(draw, 3.6)


def _stacked(moves: Sequence[tuple[str, str, int]], side: int, gap: float) -> dict[str, tuple[float, int]]:
    """Where each name begins from below, and how many it has; the largest on top."""
    sizes: dict[str, int] = {}
    for move in moves:
        sizes[str(move[side])] = sizes.get(str(move[side]), 0) + move[2]
    at, placed = 0.0, {}
    for name in sorted(sizes, key=lambda each: (sizes[each], each)):
        placed[name] = (at, sizes[name])
        at += sizes[name] + gap
    return placed


def _apart(places: list[float], least: float) -> list[float]:
    """Rising places, moved up where they are nearer than that to the one below."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + least) if moved else place)
    return moved


def _band(axes: "Axes", ends: tuple[float, float], count: int, colour: str, strength: float) -> None:
    along = np.linspace(0, 1, 40)
    bend = 3 * along**2 - 2 * along**3
    low = ends[0] + (ends[1] - ends[0]) * bend
    axes.fill_between(along * 0.98 + 0.01, low, low + count, color=colour, alpha=strength, linewidth=0)


def intervals(names: Sequence[str], means: Sequence[float], lows: Sequence[float], highs: Sequence[float], label: str) -> bytes:
    """An estimate and its interval per line; green where it is surely above zero, red where surely below."""

    def draw(axes: "Axes") -> None:
        places = np.arange(len(names))[::-1]
        for place, mean, low, high in zip(places, means, lows, highs, strict=True):
            colour = GREEN if low > 0 else RED if high < 0 else GREY
            axes.plot([low, high], [place, place], color=colour, linewidth=2.5, solid_capstyle="butt")
            axes.plot([mean], [place], "o", color=colour)
        axes.axvline(0, color="#333333", linewidth=1)
        axes.set_yticks(places, [plain(each) for each in names])
        axes.set_ylim(-0.6, len(names) - 0.4)
        axes.set_xlabel(label)

    return svg(draw, 0.9 + ROW * len(names))


def cumulated(weeks: Sequence[str], means: Sequence[float], lows: Sequence[float], highs: Sequence[float], label: str) -> bytes:
    """Profit from the first week on, with its interval."""

    def draw(axes: "Axes") -> None:
        places = np.arange(len(weeks))
        axes.fill_between(places, lows, highs, color=BLUE, alpha=0.18, linewidth=0)
        axes.plot(places, means, "o-", color=BLUE)
        axes.axhline(0, color="#333333", linewidth=1)
        some = places[:: max(-(-len(weeks) // MAX_WEEKS), 1)]
        axes.set_xticks(some, [weeks[place] for place in some])
        axes.set_ylabel(label)

    return svg(draw, 2.6)


def calibration(bins: Sequence[tuple[float, float, int]]) -> bytes:
    """Foretold share that leaves, against the share that left; on the line, probabilities are frequencies."""

    def draw(axes: "Axes") -> None:
        foretold, seen = np.array([each[0] for each in bins]), np.array([each[1] for each in bins])
        axes.plot([0, 100], [0, 100], color="#8a949e", linewidth=1)
        axes.plot(100 * foretold, 100 * seen, "o-", color=BLUE)
        axes.set_xlabel("foretold to leave, %")
        axes.set_ylabel("left, %")
        axes.set_xlim(0, 100)
        axes.set_ylim(0, 100)

    return svg(draw, 3.2, 4.2)
