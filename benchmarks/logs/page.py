"""The figures of a log, and the page that shows all logs."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from benchmarks.logs.catalogue import OrderLog
from benchmarks.logs.figures import (
    Difference,
    auc_within_days,
    differences,
    interval_groups,
    model_table,
    next_order_shares,
    pool,
)
from features.rendering.figures import BLUE, GREY, RED, REFERENCE, render_figure
from features.rendering.templates import read_styles, template_environment

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VERDICT_COLOURS = {"better": BLUE, "level": GREY, "worse": RED}
SCOPES = ("holdout", "all origins")
METRIC_NAMES = {"log_loss": "log-loss", "auc": "AUC", "tweedie_deviance": "Tweedie deviance", "gini": "Gini"}


@dataclass(frozen=True)
class Part:
    """Figures of one scope: the holdout, or all origins together."""

    rows: int
    churned: float
    champions: str
    churn: list[dict[str, Any]]
    value: list[dict[str, Any]]
    differences: list[Difference]


@dataclass(frozen=True)
class LogFigures:
    """Everything that is shown of a log."""

    name: str
    horizon_days: int
    origins: list[str]
    parts: dict[str, Part]
    groups: list[dict[str, Any]]
    next_order: dict[str, float]
    auc_within: tuple[float, float, float, str]


def log_figures(log: OrderLog, frame: pl.DataFrame) -> LogFigures:
    """Return the figures of the rows of a log."""
    scopes = dict(zip(SCOPES, (frame.filter(pl.col("origin") == log.holdout), frame), strict=True))
    return LogFigures(
        name=log.name,
        horizon_days=log.horizon_days,
        origins=[str(origin) for origin in frame["origin"].unique().sort()],
        parts={scope: _part(rows) for scope, rows in scopes.items()},
        groups=interval_groups(frame),
        next_order=next_order_shares(frame, pl.col("last_day")),
        auc_within=auc_within_days(frame.select(column for column in frame if not column.null_count())),
    )


def _part(frame: pl.DataFrame) -> Part:
    complete = frame.select(column for column in frame if not column.null_count() or not column.name.startswith(("p:", "value:")))
    pairs = frame.select(pl.concat_str("champion", "value_champion", separator=" / ")).to_series().unique(maintain_order=True)
    return Part(
        rows=frame.height,
        churned=float(frame["churned"].to_numpy().mean()),
        champions=", ".join(pairs.drop_nulls()),
        churn=model_table(complete, "p:"),
        value=model_table(complete, "value:"),
        differences=list(differences(complete)),
    )


def formatted(difference: Difference) -> str:
    """Return a difference with its interval and its peer."""
    change = difference.served - difference.best
    ratio = f" x{difference.served / difference.best:.3f}" if difference.metric in {"log_loss", "tweedie_deviance"} else ""
    interval = f"[{difference.low:+.4f}, {difference.high:+.4f}]"
    return f"{difference.served:.4f} {change:+.4f} {interval}{ratio} {difference.verdict} ({difference.peer})"


def render_page(figures: Sequence[LogFigures]) -> str:
    """Return the page as HTML with its chart inside."""
    environment = template_environment(Path(__file__).parent)
    return environment.get_template("page.html.j2").render(
        figures=figures,
        scopes=SCOPES,
        styles=read_styles(),
        formatted=formatted,
        metric_names=METRIC_NAMES,
        pooled={scope: list(pool([log.parts[scope].differences for log in figures])) for scope in SCOPES},
        chart=b64encode(_draw(figures)).decode(),
        churn_columns=["log_loss", "auc", "average_precision", "brier", "calibration_error", "beyond_chance", "bias", "lift_10"],
        value_columns=["tweedie_deviance", "gini", "spearman", "bias", "top_capture", "mae"],
    )


def _draw(figures: Sequence[LogFigures]) -> bytes:
    def fill(figure: "Figure") -> None:
        panels = figure.subplots(1, 4, sharey=True)
        for index, axes in enumerate(panels):
            for line, log in enumerate(reversed(figures)):
                difference = log.parts["all origins"].differences[index]
                scale = difference.best if difference.metric == "tweedie_deviance" else 1.0
                low, high, middle = (
                    end / scale for end in (difference.low, difference.high, difference.served - difference.best)
                )
                colour = VERDICT_COLOURS[difference.verdict]
                axes.plot([low, high], [line, line], color=colour, linewidth=2)
                axes.plot([middle], [line], "o", color=colour)
            axes.axvline(0, color=REFERENCE, linewidth=1)
            axes.set_title(METRIC_NAMES[figures[0].parts["all origins"].differences[index].metric], fontsize=10)
        panels[0].set_yticks(range(len(figures)), [log.name for log in reversed(figures)])

    return render_figure(fill, 12.0, 1.2 + 0.45 * len(figures), kind="png")
