"""Remove what killed trainings of this workspace left in MLflow.

A command holds the workspace, so a run that is still open belongs to a training that was killed.
"""

import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion

from models.champion import champion_names
from settings.sections import Settings
from training.registry import mlflow_client as tracking
from training.registry.champion_alias import champion_digest, champions_folder
from training.registry.workspace_tags import FILES_TAG, own_tags

OPEN, CLOSED = ("RUNNING", "SCHEDULED"), "FINISHED"


def remove_orphans(settings: Settings) -> list[str]:
    """Remove open runs of this workspace, and versions of unfinished runs that no alias and no champion's folder uses.

    An open run whose version is used had logged everything: it is marked as finished. Return a sentence if anything was removed.
    """
    with tracking.tracking_errors():
        tags = " and ".join(f"tags.`{name}` = '{value}'" for name, value in own_tags(settings.workspace.path).items())
        used = {champion_digest(champions_folder(settings) / name) for name in champion_names(champions_folder(settings))}
        removed_runs, removed_versions = 0, list[str]()
        for run in tracking.runs_where(f"{tags} and attributes.status != '{CLOSED}'"):
            unused, kept = _split(tracking.versions_where(f"run_id = '{run.info.run_id}'"), used)
            removed_versions += [_remove_version(version, settings) for version in unused]
            removed_runs += _close(run, settings, has_version=bool(kept))
    return _sentence(removed_runs, removed_versions)


def _split(versions: list[ModelVersion], used: set[str]) -> tuple[list[ModelVersion], list[ModelVersion]]:
    """Return the unused versions and the used ones; a version that lists no aliases is asked for them."""
    complete = [tracking.find_version(str(version.version)) or version for version in versions]
    kept = [version for version in complete if version.aliases or version.tags.get(FILES_TAG) in used]
    return [version for version in complete if version not in kept], kept


def _remove_version(version: ModelVersion, settings: Settings) -> str:
    location = tracking.delete_version(version)
    _remove_local(location, settings)
    return str(version.version)


def _close(run: Run, settings: Settings, *, has_version: bool) -> int:
    """Close an open run: finished if its version is used, else deleted. Return the number of runs deleted."""
    if run.info.status not in OPEN:
        return 0
    if has_version:
        tracking.finish_run(run.info.run_id)
        return 0
    for deleted in tracking.delete_run(run):
        _remove_local(deleted.info.artifact_uri, settings)
    return 1


def _remove_local(uri: str | None, settings: Settings) -> None:
    """Delete the files of a deleted run or model, if they are in the workspace."""
    root = (settings.workspace.path / "mlruns").resolve()
    folder = Path(unquote(urlsplit(uri or "").path)).resolve()
    if urlsplit(uri or "").scheme in {"", "file"} and root in folder.parents:
        shutil.rmtree(folder, ignore_errors=True)


def _sentence(runs: int, versions: list[str]) -> list[str]:
    parts = [f"{runs} unfinished {'run' if runs == 1 else 'runs'}"] if runs else []
    parts += [f"version {', '.join(sorted(versions, key=int))}"] if versions else []
    return [f"Removed from MLflow what a training that was killed had left: {' and '.join(parts)}."] if parts else []
