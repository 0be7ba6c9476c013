"""Promotion of the challenger to champion once it passes the gates, and rollback."""

from dataclasses import dataclass
from pathlib import Path

from models.champion import Champion, current_champion, load_champion, read_champion
from models.checksums import DamagedFileError
from models.errors import DamagedChampionError, NoChampionError
from models.publication import (
    Change,
    end_change,
    is_intact,
    is_same_champion,
    known_current_name,
    previous_champion,
    recover_change,
    refuse_cut_history,
    restore_champion,
)
from models.track_record import Standing
from settings.errors import UserError
from settings.sections import Settings
from training.registry import mlflow_client as tracking
from training.registry.champion_alias import champions_folder, reconcile_alias
from training.registry.log_run import make_champion
from training.registry.workspace_tags import belongs_to_another

MAX_MISCALIBRATION = 0.05  # beyond the calibration error of a perfect model on as many rows
MAX_SEGMENT_RATIO = 1.05


class PromotionRefusedError(UserError):
    """There is nothing to promote, or a gate failed; the message has the reason."""


@dataclass(frozen=True)
class Promotion:
    """The version that is champion now, the name of its folder, the gates it failed, and sentences on the way."""

    version: str
    folder: str
    failed: list[str]
    notes: list[str]


@dataclass(frozen=True)
class Rollback:
    """The champion that was replaced, None if it was unknown, the one restored, and sentences on the way."""

    replaced: str | None
    restored: str
    notes: list[str]


def promote(settings: Settings, version: str | None, *, force: bool = False) -> Promotion:
    """Make `version`, by default the challenger, the champion. A promotion that was killed is completed by the next one.

    Raises PromotionRefusedError when there is no such version, or when a gate failed and `force` is false. A forced promotion is
    recorded with the version in the registry, with the gates that failed. A version that is champion already, but whose folder
    is damaged, is written again without gates. The change stays on record until `confirm`.
    """
    champions = champions_folder(settings)
    pending = recover_change(champions)
    tracking.connect(settings)
    notes = reconcile_alias(settings)
    with tracking.tracking_errors():
        if pending is not None and _completes(pending, version) and is_intact(champions / pending.current):
            _end_challenge(pending.version)
            return Promotion(pending.version, pending.current, [], notes)
        chosen = version or _challenger(settings)
        if tracking.find_version(chosen) is None:
            raise PromotionRefusedError(
                f"There is no version {chosen} in the registry; the MLflow page of holdfast-churn lists all versions."
            )
        with tracking.downloaded(chosen) as folder:
            failed = _refuse_failed_gates(settings, chosen, folder, notes, force=force)
            name = make_champion(settings, chosen, folder, "promote")
        _end_challenge(chosen)
    return Promotion(chosen, name, failed, notes)


def _completes(pending: Change, version: str | None) -> bool:
    """Whether promoting `version` is what a promotion that was killed had begun."""
    return pending.command == "promote" and version in {None, pending.version}


def rollback(settings: Settings) -> Rollback:
    """Make the previous champion the champion again. A rollback that was killed is completed, not repeated, by the next one.

    It needs no registry: without one, the alias follows with the next command that reaches it. Raises PromotionRefusedError
    where there is no previous champion, and DamagedChampionError if that one is damaged. The change stays on record until
    `confirm`.
    """
    champions = champions_folder(settings)
    change = recover_change(champions)
    if change is None or change.command != "rollback":
        refuse_cut_history(champions)
        previous = previous_champion(champions)
        if previous is None:
            raise PromotionRefusedError("There is no previous champion to go back to.")
        load_champion(champions / previous)
        change = restore_champion(previous, champions)
    return Rollback(change.replaced, change.current, _follow(settings))


def confirm(settings: Settings) -> None:
    """Take a promotion or rollback off the record, once its user has been informed."""
    end_change(champions_folder(settings))


def _follow(settings: Settings) -> list[str]:
    """Let the alias follow CURRENT, or return a sentence if the registry cannot be reached."""
    try:
        tracking.connect(settings)
        reconcile_alias(settings)
    except tracking.TrackingError as error:
        return [f"{error} The alias champion follows with the next `train`, `promote` or `rollback` that reaches it."]
    return []


def _challenger(settings: Settings) -> str:
    challenger = tracking.alias_version(tracking.CHALLENGER)
    if challenger is None:
        raise PromotionRefusedError("There is no challenger to promote; run `train` first, or name a version.")
    if belongs_to_another(settings.workspace.path, challenger.tags):
        raise PromotionRefusedError(
            f"The challenger in the registry, version {challenger.version}, is that of another workspace; name a version."
        )
    return str(challenger.version)


def _end_challenge(version: str) -> None:
    challenger = tracking.alias_version(tracking.CHALLENGER)
    if challenger is not None and str(challenger.version) == version:
        tracking.drop_alias(tracking.CHALLENGER)


def _refuse_failed_gates(settings: Settings, version: str, folder: Path, notes: list[str], *, force: bool) -> list[str]:
    """Return the failed gates of a candidate, recorded with its version; raise PromotionRefusedError unless `force`."""
    try:
        candidate = read_champion(folder)
    except DamagedFileError as error:
        reason = f"{error.path.name} {error.reason}"
        raise PromotionRefusedError(
            f"Version {version} in the registry is damaged: {reason}. Promote another, or train."
        ) from None
    current, problem = _current(settings)
    if problem is not None and _repairs_current(settings, folder):
        notes.append(f"{problem} Version {version} was written again.")
        return []
    notes += [] if problem is None else [f"{problem} Version {version} was not compared with it."]
    failed = failed_gates(candidate, current)
    if failed and not force:
        raise PromotionRefusedError(f"Version {version} {failed[0]}. Not promoted. Use --force to promote anyway.")
    if failed:
        tracking.tag_version(version, "promoted_by_force", "; ".join(failed))
    return failed


def _repairs_current(settings: Settings, folder: Path) -> bool:
    """Whether the folder in which the current champion is damaged or missing is to hold the champion in `folder`."""
    name = known_current_name(champions_folder(settings))
    return name is not None and is_same_champion(folder, champions_folder(settings) / name)


def failed_gates(candidate: Champion, current: Champion | None) -> list[str]:
    """Return the gates that the candidate fails, in words; empty where it passes all.

    The gates: a backtest at all; customers ranked better than by chance; a lower log-loss than the recency rule; calibrated; no
    segment of customers much worse off than under the recency rule; the churn horizon of the champion; and, against a champion of
    another kind, a significantly lower log-loss and an AUC that is not significantly lower.
    """
    metrics = candidate.backtest_metrics
    if not metrics:
        return ["has no backtest: the log was too short when it was trained"]
    failed = []
    if candidate.record is not None and candidate.record.standing is Standing.CANNOT_RANK:
        failed.append(f"cannot rank customers: its AUC of {candidate.record.interval} includes one half")
    own, baseline = metrics["log_loss"], metrics["baseline_log_loss"]
    if own > baseline:
        failed.append(f"has a log-loss of {own:z.4f} in the backtest, against {baseline:z.4f} of the recency rule")
    excess = metrics["calibration_error"] - metrics["calibration_floor"]
    if excess > MAX_MISCALIBRATION:
        failed.append(f"is miscalibrated by {excess:z.3f} beyond chance, above the limit of {MAX_MISCALIBRATION}")
    if metrics["worst_segment"] > MAX_SEGMENT_RATIO:
        failed.append(f"has {metrics['worst_segment']:z.2f} times the log-loss of the recency rule in one segment of customers")
    return failed + _against_current(candidate, current)


def _against_current(candidate: Champion, current: Champion | None) -> list[str]:
    if current is None:
        return []
    horizons = [champion.terms.horizon_days for champion in (candidate, current)]
    if horizons[0] != horizons[1]:
        return [
            f"predicts churn within {horizons[0]} days and the champion within {horizons[1]}, so their figures cannot be compared"
        ]
    name = current.churn.name
    if name == candidate.churn.name:
        return []
    failed, metrics = [], candidate.backtest_metrics
    above, auc_above = metrics.get(f"above_{name}"), metrics.get(f"auc_above_{name}")
    if above is not None and above >= 0:
        gap = f"the upper end of the 95 % interval of the difference in log-loss is {above:+z.4f}"
        failed.append(f"is not significantly better than {name}, the kind of the champion: {gap}")
    if auc_above is not None and auc_above < 0:
        gap = f"the upper end of the 95 % interval of the difference in AUC is {auc_above:+z.4f}"
        failed.append(f"ranks customers significantly worse than {name}, the kind of the champion: {gap}")
    return failed


def _current(settings: Settings) -> tuple[Champion | None, str | None]:
    """Return the current champion, or None and, if it is damaged, a sentence on that."""
    try:
        return current_champion(champions_folder(settings)), None
    except NoChampionError:
        return None, None
    except DamagedChampionError as error:
        return None, str(error).partition(";")[0] + "."
