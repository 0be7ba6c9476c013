"""Promotion of the challenger to champion once it passes the gates, and rollback."""

from models.champion import Champion, current_champion, load_champion, previous_champion, restore_champion
from models.errors import NoChampionError
from settings.errors import UserError
from settings.sections import Settings
from training.registry import mlflow_client as tracking
from training.registry.log_run import make_champion

MAX_MISCALIBRATION = 0.05  # beyond the calibration error of a perfect model on as many rows
MAX_SEGMENT_RATIO = 1.05


class PromotionRefusedError(UserError):
    """There is nothing to promote, or a gate failed; the message has the reason."""


def promote(settings: Settings, version: str | None, *, force: bool = False) -> tuple[str, list[str]]:
    """Make `version`, by default the challenger, the champion; return it and the gates that it failed.

    Raises PromotionRefusedError when there is no such version, or when a gate failed and `force` is false. A forced promotion is
    recorded with the version in the registry, with the gates that failed.
    """
    tracking.connect(settings)
    chosen = version or tracking.alias_version(tracking.CHALLENGER)
    if chosen is None:
        raise PromotionRefusedError("There is no challenger to promote; run `train` first, or name a version.")
    folder = tracking.download(chosen)
    if folder is None:
        raise PromotionRefusedError(
            f"There is no version {chosen} in the registry; the MLflow page of holdfast-churn lists all versions."
        )
    failed = failed_gates(load_champion(folder), _current(settings))
    if failed and not force:
        raise PromotionRefusedError(f"Version {chosen} {failed[0]}. Not promoted. Use --force to promote anyway.")
    if failed:
        tracking.tag_version(chosen, "promoted_by_force", "; ".join(failed))
    make_champion(settings, chosen, folder)
    if tracking.alias_version(tracking.CHALLENGER) == chosen:
        tracking.drop_alias(tracking.CHALLENGER)
    return chosen, failed


def rollback(settings: Settings) -> tuple[str, str]:
    """Make the previous champion the champion again; return the version replaced and the version restored.

    Raises PromotionRefusedError where there is no previous champion.
    """
    tracking.connect(settings)
    champions = settings.workspace.path / "champion"
    previous = previous_champion(champions)
    if previous is None:
        raise PromotionRefusedError("There is no previous champion to go back to.")
    replaced = current_champion(champions).version
    restore_champion(previous, champions)
    tracking.set_alias(tracking.CHAMPION, previous.split("-")[0])
    return replaced, previous


def failed_gates(candidate: Champion, current: Champion | None) -> list[str]:
    """Return the gates that the candidate fails, in words; empty where it passes all.

    The gates: a backtest at all; a lower log-loss than the recency rule; calibrated; no segment of customers much worse off than
    under the recency rule; and, against a champion of another kind, a significantly lower log-loss.
    """
    metrics = candidate.backtest_metrics
    if not metrics:
        return ["has no backtest: the log was too short when it was trained"]
    failed = []
    own, baseline = metrics["log_loss"], metrics["baseline_log_loss"]
    if own > baseline:
        failed.append(f"has a log-loss of {own:.4f} in the backtest, against {baseline:.4f} of the recency rule")
    excess = metrics["calibration_error"] - metrics["calibration_floor"]
    if excess > MAX_MISCALIBRATION:
        failed.append(f"is miscalibrated by {excess:.3f} beyond chance, above the limit of {MAX_MISCALIBRATION}")
    if metrics["worst_segment"] > MAX_SEGMENT_RATIO:
        failed.append(f"has {metrics['worst_segment']:.2f} times the log-loss of the recency rule in one segment of customers")
    return failed + _against_current(candidate, current)


def _against_current(candidate: Champion, current: Champion | None) -> list[str]:
    if current is None or current.churn.name == candidate.churn.name:
        return []
    above = candidate.backtest_metrics.get(f"above_{current.churn.name}")
    if above is None or above < 0:
        return []
    gap = f"the upper end of the 95 % interval of the difference in log-loss is {above:+.4f}"
    return [f"is not significantly better than {current.churn.name}, the kind of the champion: {gap}"]


def _current(settings: Settings) -> Champion | None:
    try:
        return current_champion(settings.workspace.path / "champion")
    except NoChampionError:
        return None
