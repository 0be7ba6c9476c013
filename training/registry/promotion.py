"""Promotion: the challenger becomes champion once the gates hold; and the way back."""

from models.champion import Champion, current_champion, former_champion, load_champion, publish_again
from models.errors import NoChampionError
from settings.errors import UserError
from settings.sections import Settings
from training.registry import mlflow_client as tracking
from training.registry.log_run import make_champion

MAX_MISCALIBRATED = 0.05  # above what a perfect model of that size would show
WORST_SEGMENT = 1.05


class PromotionRefusedError(UserError):  # noqa: N818  # it names what happened, as the documentation does
    """There is nothing to promote, or a gate does not hold; the text says which."""


def promote(settings: Settings, version: str | None, *, force: bool = False) -> tuple[str, list[str]]:
    """Make `version`, by default the challenger, the champion; return it and the gates that did not hold.

    Raises PromotionRefused when there is no such version, or a gate does not hold and `force` is false. A forced promotion
    is recorded with the version in the registry, gate by gate.
    """
    tracking.connect(settings)
    chosen = version or tracking.alias_version(tracking.CHALLENGER)
    if chosen is None:
        raise PromotionRefusedError("There is no challenger to promote; run `train` first, or name a version.")
    folder = tracking.download(chosen)
    if folder is None:
        raise PromotionRefusedError(
            f"There is no version {chosen} in the registry; the MLflow page of holdfast-churn lists them."
        )
    failed = gates(load_champion(folder), _current(settings))
    if failed and not force:
        raise PromotionRefusedError(f"Version {chosen} {failed[0]}; it was not promoted. Add --force to promote it all the same.")
    if failed:
        tracking.tag_version(chosen, "promoted_by_force", "; ".join(failed))
    make_champion(settings, chosen, folder)
    if tracking.alias_version(tracking.CHALLENGER) == chosen:
        tracking.drop_alias(tracking.CHALLENGER)
    return chosen, failed


def rollback(settings: Settings) -> tuple[str, str]:
    """Make the champion before the current one champion again; return the version that was and the one that is.

    Raises PromotionRefused where there was none before.
    """
    tracking.connect(settings)
    champions = settings.workspace.path / "champion"
    former = former_champion(champions)
    if former is None:
        raise PromotionRefusedError("There is no champion before the current one to go back to.")
    now = current_champion(champions).version
    publish_again(former, champions)
    tracking.set_alias(tracking.CHAMPION, former.split("-")[0])
    return now, former


def gates(candidate: Champion, current: Champion | None) -> list[str]:
    """Return in words which gates do not hold; empty where all do.

    They are: judged on past windows at all; a lower log-loss than the recency rule; calibrated; no segment of customers much
    worse off than under the recency rule; and, against a champion of another kind, a log-loss lower by more than chance.
    """
    grade = candidate.backtest_metrics
    if not grade:
        return ["was never judged on a past window: the log was too short when it was trained"]
    failed = []
    own, naive = grade["log_loss"], grade["baseline_log_loss"]
    if own > naive:
        failed.append(f"has a log-loss of {own:.4f} in the backtest, the recency rule {naive:.4f}")
    off = grade["calibration_error"] - grade["calibration_floor"]
    if off > MAX_MISCALIBRATED:
        failed.append(f"is miscalibrated by {off:.3f} beyond chance, {MAX_MISCALIBRATED} are allowed")
    if grade["worst_segment"] > WORST_SEGMENT:
        failed.append(f"has {grade['worst_segment']:.2f} times the log-loss of the recency rule in one segment of customers")
    return failed + _against(candidate, current)


def _against(candidate: Champion, current: Champion | None) -> list[str]:
    if current is None or current.churn.name == candidate.churn.name:
        return []
    above = candidate.backtest_metrics.get(f"above_{current.churn.name}")
    if above is None or above < 0:
        return []
    return [f"is not surely better than {current.churn.name}, the champion's kind: log-loss differs by up to {above:+.4f}"]


def _current(settings: Settings) -> Champion | None:
    try:
        return current_champion(settings.workspace.path / "champion")
    except NoChampionError:
        return None
