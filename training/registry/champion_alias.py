"""The workspace's CURRENT is the truth about the champion; the registry's alias follows it."""

from pathlib import Path

from mlflow.entities.model_registry import ModelVersion

from models.champion import current_name
from models.checksums import content_digest, recorded_digest
from models.errors import DamagedChampionError, NoChampionError
from models.publication import recover_change
from settings.sections import Settings
from training.registry import mlflow_client as tracking
from training.registry.workspace_tags import FILES_TAG, WORKSPACE_TAG, belongs_to_another


def champions_folder(settings: Settings) -> Path:
    """Return the folder of the workspace's champions."""
    return settings.workspace.path / "champion"


def champion_digest(folder: Path) -> str:
    """Return what identifies a champion: the digest of its files as they were written, wherever that was recorded."""
    return recorded_digest(folder) or content_digest(folder)


def open_registry(settings: Settings) -> list[str]:
    """Connect to MLflow, complete a change of the champion that was killed, and let the alias follow CURRENT.

    Return sentences on what was completed or corrected. Raises TrackingError.
    """
    tracking.connect(settings)
    return [*complete_change(settings), *reconcile_alias(settings)]


def complete_change(settings: Settings) -> list[str]:
    """Complete a change of the champion that was killed; return a sentence if there was one."""
    change = recover_change(champions_folder(settings))
    return (
        []
        if change is None
        else [f"The `{change.command}` that was interrupted is completed: version {change.current} is champion."]
    )


def reconcile_alias(settings: Settings) -> list[str]:
    """Point the alias to the version with the very files of the current champion; without such a version, remove the alias.

    An alias on another workspace's version stays, and so does every alias while CURRENT is damaged. Return what was corrected.
    """
    with tracking.tracking_errors():
        alias = tracking.alias_version(tracking.CHAMPION)
        if alias is not None and belongs_to_another(settings.workspace.path, alias.tags):
            return []
        try:
            folder = champions_folder(settings) / current_name(champions_folder(settings))
            version = find_registered(folder)
        except DamagedChampionError:
            return []
        except NoChampionError:
            return _drop_alias(alias, "there is no champion yet") if alias and WORKSPACE_TAG in alias.tags else []
        if version is None:
            return _drop_alias(alias, f"the registry has no version with the files of champion {folder.name}")
        if alias is not None and str(alias.version) == version:
            return []
        tracking.set_alias(tracking.CHAMPION, version)
        return [f"The alias champion of the MLflow registry now points to version {version}, the champion of the workspace."]


def _drop_alias(alias: ModelVersion | None, reason: str) -> list[str]:
    if alias is None:
        return []
    tracking.drop_alias(tracking.CHAMPION)
    return [f"The alias champion of the MLflow registry was removed from version {alias.version}: {reason}."]


def find_registered(folder: Path) -> str | None:
    """Return the registered version that has the files of a champion's folder; None if there is none.

    The number alone decides nothing: a new registry starts its numbers over.
    """
    digest = champion_digest(folder)
    tagged = [str(version.version) for version in tracking.versions_where(f"tags.`{FILES_TAG}` = '{digest}'")]
    number = folder.name.partition("-")[0]
    if tagged:
        return number if number in tagged else tagged[0]
    return number if _untagged_version_has(number, digest) else None


def _untagged_version_has(number: str, digest: str) -> bool:
    """Whether a version of an earlier Holdfast, which recorded no digest, has these files; tag it with the digest it has."""
    version = tracking.find_version(number) if number.isdigit() else None
    if version is None or FILES_TAG in version.tags:
        return False
    try:
        with tracking.downloaded(number) as copy:
            actual = champion_digest(copy)
    except tracking.TrackingError:
        return False
    tracking.tag_version(number, FILES_TAG, actual)
    return actual == digest
