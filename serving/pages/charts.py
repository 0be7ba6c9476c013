"""Charts of the pages, drawn by Matplotlib on the server as SVG. The pages show the same numbers beside them."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from features.rendering.figures import AMBER, BLUE, GREEN, GREY, INK, PALETTE, RED, REFERENCE, render_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_WEEK_LABELS = 5
LEFT_SHARE = 0.25
WIDTH, ROW_HEIGHT, MAX_NAME_LENGTH = 7.2, 0.34, 32
Draw = Callable[["Axes"], None]


def svg(draw: Draw, height: float = 3.0, width: float = WIDTH) -> bytes:
    """Return a chart on one pair of axes as SVG; sizes are in inches."""
    return render_figure(lambda figure: draw(figure.subplots()), width, height)


def budget_chart(curve: dict[str, Any], budget: float | None, currency: str, *, is_assumed: bool = False) -> bytes:
    """Draw profit against money spent, with the most profitable budget and the one entered, if any.

    A band is the profit between both ends of the measured effects, where a trial measured any.
    """

    def draw(axes: "Axes") -> None:
        spent, profit = np.array(curve["spent"]), np.array(curve["profit"])
        axes.plot(spent, profit, color=BLUE, linewidth=2)
        best = curve["best_budget"]
        axes.axvline(best, color=GREEN, linestyle="--", linewidth=1.2)
        is_left = best < LEFT_SHARE * float(spent[-1])  # a label on the left would lie outside the chart
        beside: dict[str, Any] = {"xytext": (6 if is_left else -6, 0), "ha": "left" if is_left else "right"}
        label: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "color": GREEN}
        axes.annotate("most profitable\nbudget", (best, 0.06), **label, **beside)
        if curve.get("profit_low"):
            axes.fill_between(spent, curve["profit_low"], curve["profit_high"], color=AMBER, alpha=0.18, linewidth=0)
            axes.annotate("by the measured effect", (0.02, 0.94), xycoords="axes fraction", va="top", color=AMBER)
        if budget is not None:
            x = min(max(budget, 0.0), float(spent[-1]))
            point = x, float(np.interp(x, spent, profit))
            axes.plot(*point, "o", color=AMBER, markersize=8)
            axes.annotate("your budget", point, xytext=(8, -14), textcoords="offset points", color=AMBER)
        axes.set_xlabel(f"money spent, {currency}")
        axes.set_ylabel(f"{'assumed' if is_assumed else 'expected'} profit, {currency}")
        axes.set_xlim(left=0)

    return svg(draw, 2.9)


def survival_chart(curve: Sequence[tuple[int, float]], as_of: date) -> bytes:
    """Draw the probability of no order so far against the days from `as_of` on; `curve` has days and probabilities."""

    def draw(axes: "Axes") -> None:
        days, p = (np.array(column) for column in zip((0, 1.0), *curve, strict=True))
        axes.plot(days, 100 * p, "o-", color=BLUE)
        axes.set_xlabel(f"days from {as_of:%-d %b %Y}")
        axes.set_ylabel("no order so far, %")
        axes.set_xlim(0, float(days[-1]))
        axes.set_ylim(0, 105)

    return svg(draw, 2.4)


def history_chart(days: Sequence[date], p_churn: Sequence[float]) -> bytes:
    """Draw the churn risk that each kept run predicted."""

    def draw(axes: "Axes") -> None:
        axes.plot(np.array(days, dtype="datetime64[D]"), 100 * np.array(p_churn), "o-", color=BLUE)
        axes.set_ylim(0, 100)
        axes.set_ylabel("risk of no order, %")
        _date_axis(axes)

    return svg(draw, 2.2)


def chart_label(name: str) -> str:
    """Return a name as a label: without control characters, and shortened to MAX_NAME_LENGTH characters."""
    printable = "".join(letter for letter in name if letter.isprintable())
    return printable if len(printable) <= MAX_NAME_LENGTH else f"{printable[:MAX_NAME_LENGTH]}..."


def brands_chart(days: Sequence[date], purchased: Sequence[str]) -> bytes:
    """Draw a dot per purchase and a row per brand, with the most purchased brand on top."""

    def draw(axes: "Axes") -> None:
        names, counts = np.unique(np.array(purchased), return_counts=True)
        brands = [str(name) for name in names[np.argsort(-counts, kind="stable")]]
        rows = [len(brands) - 1 - brands.index(brand) for brand in purchased]
        colours = [PALETTE[brands.index(brand) % len(PALETTE)] for brand in purchased]
        axes.scatter(np.array(days, dtype="datetime64[D]"), rows, s=34, color=colours)
        axes.set_yticks(range(len(brands)), [chart_label(brand) for brand in brands[::-1]])
        axes.set_ylim(-0.6, len(brands) - 0.4)
        _date_axis(axes)

    return svg(draw, 0.9 + ROW_HEIGHT * len(set(purchased)))


def _date_axis(axes: "Axes") -> None:
    """Label the x axis with two to seven dates."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator: Any = AutoDateLocator(minticks=2, maxticks=7)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def groups_chart(names: Sequence[str], customers: Sequence[float], value_at_risk: Sequence[float], currency: str) -> bytes:
    """Draw the number of customers and the expected loss (value at risk) of each group, side by side."""

    def fill(figure: "Figure") -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        rows = np.arange(len(names))[::-1]
        for axes, values, colour, label in (
            (left, customers, BLUE, "customers"),
            (right, value_at_risk, AMBER, f"expected loss, {currency}"),
        ):
            axes.barh(rows, values, color=colour)
            axes.set_xlabel(label)
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:z,.0f}")
            axes.locator_params(axis="x", nbins=4)
            axes.grid(visible=False, axis="y")
        left.set_yticks(rows, [chart_label(name) for name in names])

    return render_figure(fill, WIDTH, 0.9 + ROW_HEIGHT * len(names))


def flow_chart(moves: Sequence[tuple[str, str, int]]) -> bytes:
    """Draw moves between groups: old groups on the left, new ones on the right, bands as wide as their number of customers."""

    def draw(axes: "Axes") -> None:
        total = sum(count for _, _, count in moves)
        gap = 0.03 * total
        left, right = (_stack_bands(moves, side, gap) for side in (0, 1))
        next_left, next_right = ({name: bottom for name, (bottom, _) in side.items()} for side in (left, right))
        colours = {name: PALETTE[index % len(PALETTE)] for index, name in enumerate(dict.fromkeys([*left, *right]))}
        for old, new, count in moves:
            ends = next_left[old], next_right[new]
            next_left[old] += count
            next_right[new] += count
            stays = old == new
            _draw_band(axes, ends, count, GREY if stays else colours[old], 0.18 if stays else 0.55)
        for side, x, align in ((left, 0.0, "right"), (right, 1.0, "left")):
            middles = _spread_apart([bottom + size / 2 for bottom, size in side.values()], 0.055 * (total + gap * len(side)))
            for (name, (bottom, size)), middle in zip(side.items(), middles, strict=True):
                axes.barh(bottom + size / 2, 0.02, height=size, left=x - 0.01, color=colours[name])
                axes.text(x + (0.025 if x else -0.025), middle, f"{chart_label(name)}  {size:,}", ha=align, va="center")
        axes.set_xlim(-0.42, 1.42)
        axes.axis("off")

    return svg(draw, 3.6)


def _stack_bands(moves: Sequence[tuple[str, str, int]], side: int, gap: float) -> dict[str, tuple[float, int]]:
    """Return the bottom and the size of each group on a side (0 left, 1 right), stacked with the largest on top."""
    sizes: dict[str, int] = {}
    for move in moves:
        sizes[str(move[side])] = sizes.get(str(move[side]), 0) + move[2]
    bottom, bands = 0.0, {}
    for name in sorted(sizes, key=lambda name: (sizes[name], name)):
        bands[name] = (bottom, sizes[name])
        bottom += sizes[name] + gap
    return bands


def _spread_apart(positions: list[float], min_distance: float) -> list[float]:
    """Return ascending positions, moved up where they are closer than `min_distance` to the one below."""
    spread: list[float] = []
    for position in positions:
        spread.append(max(position, spread[-1] + min_distance) if spread else position)
    return spread


def _draw_band(axes: "Axes", ends: tuple[float, float], count: int, colour: str, alpha: float) -> None:
    x = np.linspace(0, 1, 40)
    smooth_step = 3 * x**2 - 2 * x**3
    bottom = ends[0] + (ends[1] - ends[0]) * smooth_step
    axes.fill_between(x * 0.98 + 0.01, bottom, bottom + count, color=colour, alpha=alpha, linewidth=0)


def intervals_chart(
    names: Sequence[str],
    means: Sequence[float],
    lows: Sequence[float],
    highs: Sequence[float],
    label: str,
    is_known: Sequence[bool],
) -> bytes:
    """Draw an estimate and its interval per row: green for a gain, red for a loss, grey where neither is known."""

    def draw(axes: "Axes") -> None:
        rows = np.arange(len(names))[::-1]
        for row, mean, low, high, known in zip(rows, means, lows, highs, is_known, strict=True):
            colour = GREY if not known else GREEN if low > 0 else RED
            axes.plot([low, high], [row, row], color=colour, linewidth=2.5, solid_capstyle="butt")
            axes.plot([mean], [row], "o", color=colour)
        axes.axvline(0, color=INK, linewidth=1)
        axes.set_yticks(rows, [chart_label(name) for name in names])
        axes.set_ylim(-0.6, len(names) - 0.4)
        axes.set_xlabel(label)

    return svg(draw, 0.9 + ROW_HEIGHT * len(names))


def cumulated_chart(
    weeks: Sequence[str], means: Sequence[float], lows: Sequence[float], highs: Sequence[float], label: str
) -> bytes:
    """Draw the cumulative profit from the first week on, with its interval."""

    def draw(axes: "Axes") -> None:
        x = np.arange(len(weeks))
        axes.fill_between(x, lows, highs, color=BLUE, alpha=0.18, linewidth=0)
        axes.plot(x, means, "o-", color=BLUE)
        axes.axhline(0, color=INK, linewidth=1)
        labelled = x[:: max(-(-len(weeks) // MAX_WEEK_LABELS), 1)]
        axes.set_xticks(labelled, [weeks[index] for index in labelled])
        axes.set_ylabel(label)

    return svg(draw, 2.6)


def calibration_chart(bins: Sequence[tuple[float, float, int]]) -> bytes:
    """Draw the actual share of churners against the predicted share; a calibrated model is on the diagonal."""

    def draw(axes: "Axes") -> None:
        predicted, actual = np.array([row[0] for row in bins]), np.array([row[1] for row in bins])
        axes.plot([0, 100], [0, 100], color=REFERENCE, linewidth=1)
        axes.plot(100 * predicted, 100 * actual, "o-", color=BLUE)
        axes.set_xlabel("predicted churn, %")
        axes.set_ylabel("actual churn, %")
        axes.set_xlim(0, 100)
        axes.set_ylim(0, 100)

    return svg(draw, 3.2, 4.2)
