"""Charts of an explanation: the most important features, and their partial dependence."""

from matplotlib.figure import Figure

from training.evaluation.feature_importance import MAX_SHOWN, Explanation
from training.reports.comparison_charts import COLOURS, Picture, render_picture

PANEL_COLUMNS = 3


def draw_explanation(explanation: Explanation) -> list[Picture]:
    """Return the chart of importance and that of partial dependence."""
    return [_importance(explanation), _dependence(explanation)]


def _importance(explanation: Explanation) -> Picture:
    shown = explanation.features.head(MAX_SHOWN).reverse()
    figure = Figure(figsize=(5.6, 4.6), layout="constrained")
    axes = figure.subplots()
    mean, low, high = (shown[name].to_numpy() for name in ("importance", "lowest", "highest"))
    axes.barh(shown["name"].to_list(), mean, xerr=[mean - low, high - mean], color=COLOURS[0], ecolor="0.35", capsize=2)
    axes.set(xlabel="mean absolute effect on log-odds of churn; whiskers: over origins")
    axes.tick_params(axis="y", labelsize=8)
    return render_picture(figure, "importance", "The most important features")


def _dependence(explanation: Explanation) -> Picture:
    figure = Figure(figsize=(8.4, 4.6), layout="constrained")
    rows = max(-(-len(explanation.dependence) // PANEL_COLUMNS), 1)
    panels = list(figure.subplots(rows, PANEL_COLUMNS, sharey=True, squeeze=False).flat)
    for axes, (name, points) in zip(panels, explanation.dependence.items(), strict=False):
        axes.plot([value for value, _ in points], [p for _, p in points], "o-", markersize=3, color=COLOURS[0])
        axes.set_title(name, fontsize=8)
        axes.tick_params(labelsize=7)
    for axes in panels[len(explanation.dependence) :]:
        axes.set_axis_off()
    figure.supylabel("mean churn probability if all customers had that value", fontsize=8)
    return render_picture(figure, "dependence", "Partial dependence of the most important features")
