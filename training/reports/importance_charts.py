"""The pictures of an explanation: what counts most, and in which direction the most important features work."""

from matplotlib.figure import Figure

from training.evaluation.feature_importance import MAX_SHOWN, Explanation
from training.reports.comparison_charts import COLOURS, Picture, taken

ACROSS = 3


def explained(explanation: Explanation) -> list[Picture]:
    """Return the two pictures."""
    return [_importance(explanation), _dependence(explanation)]


def _importance(explanation: Explanation) -> Picture:
    shown = explanation.features.head(MAX_SHOWN).reverse()
    figure = Figure(figsize=(5.6, 4.6), layout="constrained")
    axes = figure.subplots()
    middle, low, high = (shown[name].to_numpy() for name in ("importance", "lowest", "highest"))
    axes.barh(shown["name"].to_list(), middle, xerr=[middle - low, high - middle], color=COLOURS[0], ecolor="0.35", capsize=2)
    axes.set(xlabel="mean effect on log-odds of leaving; whiskers: over origins")
    axes.tick_params(axis="y", labelsize=8)
    return taken(figure, "importance", "What counts most")


def _dependence(explanation: Explanation) -> Picture:
    figure = Figure(figsize=(8.4, 4.6), layout="constrained")
    down = max(-(-len(explanation.dependence) // ACROSS), 1)
    boxes = list(figure.subplots(down, ACROSS, sharey=True, squeeze=False).flat)
    for axes, (name, points) in zip(boxes, explanation.dependence.items(), strict=False):
        axes.plot([value for value, _ in points], [p for _, p in points], "o-", markersize=3, color=COLOURS[0])
        axes.set_title(name, fontsize=8)
        axes.tick_params(labelsize=7)
    for axes in boxes[len(explanation.dependence) :]:
        axes.set_axis_off()
    figure.supylabel("mean churn probability if all had that value", fontsize=8)
    return taken(figure, "dependence", "In which direction the most important work")
