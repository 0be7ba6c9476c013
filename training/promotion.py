"""Promotion: the challenger becomes champion once the gates hold."""

from models.champion import Champion, load_champion
from settings.errors import UserError
from settings.sections import Settings
from training import tracking
from training.record import make_champion


class PromotionRefused(UserError):  # noqa: N818  # it names what happened, as the documentation does
    """There is nothing to promote, or a gate does not hold; the text says which."""


def promote(settings: Settings, version: str | None) -> str:
    """Make `version`, by default the challenger, the champion; return it.

    Raises PromotionRefused when there is no such version or its backtest did not beat the named baseline.
    """
    tracking.connect(settings)
    chosen = version or tracking.alias_version(tracking.CHALLENGER)
    if chosen is None:
        raise PromotionRefused("There is no challenger to promote; run `train` first, or name a version.")
    folder = tracking.download(chosen)
    if folder is None:
        raise PromotionRefused(f"There is no version {chosen} in the registry; the MLflow page of holdfast-churn lists them.")
    _hold_gates(chosen, load_champion(folder))
    make_champion(settings, chosen, folder)
    if tracking.alias_version(tracking.CHALLENGER) == chosen:
        tracking.drop_alias(tracking.CHALLENGER)
    return chosen


def _hold_gates(version: str, candidate: Champion) -> None:
    if not candidate.grade:
        raise PromotionRefused(f"Version {version} was never judged on a past window: the log was too short when it was trained.")
    own, naive = candidate.grade["log_loss"], candidate.grade["baseline_log_loss"]
    if own > naive:
        raise PromotionRefused(
            f"Version {version} has a log-loss of {own:.4f} in the backtest, the recency rule {naive:.4f}; it was not promoted."
        )
