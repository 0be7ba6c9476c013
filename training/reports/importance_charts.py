"""Charts of an explanation: the most important features, and their partial dependence."""

from typing import TYPE_CHECKING

from features.rendering.figures import BLUE, INK
from training.evaluation.feature_importance import MAX_SHOWN, Explanation
from training.reports.comparison_charts import Picture, render_picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANEL_COLUMNS = 3


def draw_explanation(explanation: Explanation) -> list[Picture]:
    """Return the chart of importance and that of partial dependence."""
    return [_importance(explanation), _dependence(explanation)]


def _importance(explanation: Explanation) -> Picture:
    shown = explanation.features.head(MAX_SHOWN).reverse()
    mean, low, high = (shown[name].to_numpy() for name in ("importance", "lowest", "highest"))

    def fill(figure: "Figure") -> None:
        axes = figure.subplots()
        axes.barh(shown["name"].to_list(), mean, xerr=[mean - low, high - mean], color=BLUE, ecolor=INK, capsize=2)
        axes.set(xlabel="mean absolute effect on log-odds of churn; whiskers: over origins")
        axes.tick_params(axis="y", labelsize=8)
        axes.grid(visible=False, axis="y")

    return render_picture(fill, 5.6, 4.6, file="importance", title="The most important features")


def _dependence(explanation: Explanation) -> Picture:
    rows = max(-(-len(explanation.dependence) // PANEL_COLUMNS), 1)

    def fill(figure: "Figure") -> None:
        panels = list(figure.subplots(rows, PANEL_COLUMNS, sharey=True, squeeze=False).flat)
        for axes, (name, points) in zip(panels, explanation.dependence.items(), strict=False):
            axes.plot([value for value, _ in points], [p for _, p in points], "o-", markersize=3, color=BLUE)
            axes.set_title(name, fontsize=8)
            axes.tick_params(labelsize=7)
        for axes in panels[len(explanation.dependence) :]:
            axes.set_axis_off()
        figure.supylabel("mean churn probability if all customers had that value", fontsize=8)

    title = "Partial dependence of the most important features"
    return render_picture(fill, 8.4, 4.6, file="dependence", title=title)
