"""Backups: everything that scoring and serving need and that cannot be computed again, in one checked archive.

The store, the champions, the records of checks, MLflow's local files, the secret, and its log of objections; no table.
"""

import hashlib
import json
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from features.storage.files import atomic_path, scratch_folder
from serving.privacy.withheld_log import append_to_log, read_log
from serving.privacy.workspace_store import open_workspace_store, record_use
from serving.store.engine import open_store
from serving.store.identity import is_unused
from serving.store.transfer import dump_store, load_store
from settings.clock import utc_now
from settings.errors import UserError
from settings.sections import Settings

MANIFEST, STORE, SECRET, LOG = "manifest.json", "store.db", "secret.key", "objections.jsonl"
FOLDERS = ("champion", "checks", "mlruns")
MLFLOW = "mlflow.db"
FORMAT_VERSION = 1


class BackupError(UserError):
    """The archive is not an intact backup, or there is something in the way of restoring it."""


def write_backup(settings: Settings, engine: sa.Engine, path: Path, *, with_secret: bool) -> int:
    """Write the archive, readable by its owner only, and return its number of files; the caller holds the workspace's lock."""
    with tempfile.TemporaryDirectory(dir=settings.workspace.path, prefix=".backup-") as name, atomic_path(path) as temporary:
        folder = Path(name)
        _collect(settings, engine, folder, with_secret=with_secret)
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        digests = {str(file.relative_to(folder)): _digest(file) for file in files}
        manifest = {"format": FORMAT_VERSION, "created_at": f"{utc_now():%Y-%m-%d %H:%M:%S} UTC", "files": digests}
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        temporary.touch(mode=0o600)
        with tarfile.open(temporary, "w") as archive:
            for file in [folder / MANIFEST, *files]:
                archive.add(file, str(file.relative_to(folder)))
    return len(files)


def restore_backup(settings: Settings, path: Path, *, replace: bool) -> str:
    """Check the archive, restore everything in it, and return when it was made.

    Objections and erasures that came after the backup stay, and apply to the restored store. Safe to repeat; the store comes
    last, in one step. Raises BackupError for a damaged archive, for another secret, and for a store in use unless `replace`.
    """
    with scratch_folder(settings.workspace.path / "restore") as folder:
        manifest = _extract(path, folder)
        _refuse_store_in_use(settings, replace=replace)
        _restore_secret(settings, folder)
        for name in FOLDERS:
            for file in _files(folder / name):
                _restore_file(file, settings.workspace.path / name / file.relative_to(folder / name))
        if (folder / MLFLOW).exists() and not (settings.workspace.path / MLFLOW).exists():
            _restore_file(folder / MLFLOW, settings.workspace.path / MLFLOW)
        load_store(folder / STORE, settings.store_url)
    _adopt_store(settings)
    return str(manifest["created_at"])


def accept_empty_store(settings: Settings) -> None:
    """Let the workspace go on with an empty store; objections and erasures are taken over from the log beside the secret."""
    engine = open_store(settings.store_url)
    try:
        if not is_unused(engine):
            raise BackupError("The store is not empty: there is nothing to accept.")
    finally:
        engine.dispose()
    _adopt_store(settings)


def _adopt_store(settings: Settings) -> None:
    """Note the configured store as the workspace's, even if it is empty, and bring it up to date with the log of objections."""
    engine = open_store(settings.store_url)
    try:
        record_use(settings, engine)
    finally:
        engine.dispose()
    open_workspace_store(settings).dispose()


def _collect(settings: Settings, engine: sa.Engine, folder: Path, *, with_secret: bool) -> None:
    dump_store(engine, folder / STORE)
    for name in FOLDERS:
        if (settings.workspace.path / name).is_dir():
            shutil.copytree(settings.workspace.path / name, folder / name, ignore=shutil.ignore_patterns(".*", "*.lock"))
    if (settings.workspace.path / MLFLOW).exists():
        with (
            closing(sqlite3.connect(settings.workspace.path / MLFLOW)) as source,
            closing(sqlite3.connect(folder / MLFLOW)) as copy,
        ):
            source.backup(copy)
    if settings.withheld_log_path.exists():
        shutil.copyfile(settings.withheld_log_path, folder / LOG)
    if with_secret:
        shutil.copyfile(settings.secret_path, folder / SECRET)


def _extract(path: Path, folder: Path) -> dict[str, object]:
    """Extract the archive into `folder` and return its manifest. Raises BackupError unless every file is as it was written."""
    try:
        with tarfile.open(path) as archive:
            _extract_files(archive, folder.resolve())
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        damaged = [name for name, digest in manifest["files"].items() if _digest(folder / name) != digest]
    except FileNotFoundError as error:
        raise BackupError(f"{path} is no backup: {error.filename or 'a file'} is missing.") from None
    except (tarfile.TarError, ValueError, KeyError, EOFError) as error:
        raise BackupError(f"{path} is no intact backup: {error}. Nothing was changed.") from None
    if damaged:
        raise BackupError(f"{path} is damaged: {damaged[0]} is not as it was written. Nothing was changed; use another backup.")
    return dict(manifest)


def _extract_files(archive: tarfile.TarFile, folder: Path) -> None:
    """Extract regular files into `folder`. Raises ValueError for anything else, and for a place outside.

    The filters of tarfile do the same, but only from Python 3.11.4 on.
    """
    for member in archive:
        target = (folder / member.name).resolve()
        content = archive.extractfile(member) if member.isreg() and target.is_relative_to(folder) else None
        if content is None:
            raise ValueError("it has something other than files of a backup")
        target.parent.mkdir(parents=True, exist_ok=True)
        with content, target.open("wb") as copy:
            shutil.copyfileobj(content, copy)


def _refuse_store_in_use(settings: Settings, *, replace: bool) -> None:
    engine = open_store(settings.store_url)
    try:
        if is_unused(engine):
            return
        if engine.dialect.name == "postgresql":
            raise BackupError("The database of [serving] store holds a store already. Name an empty database there.")
        if not replace:
            raise BackupError("The workspace has a store. Add --replace to replace it; what it has and the backup lacks is lost.")
    finally:
        engine.dispose()


def _restore_secret(settings: Settings, folder: Path) -> None:
    """Restore the secret if it is missing, and add the objections of the backup to those that the workspace has."""
    if (folder / SECRET).exists():
        if not settings.secret_path.exists():
            _restore_file(folder / SECRET, settings.secret_path)
        elif settings.secret_path.read_bytes() != (folder / SECRET).read_bytes():
            raise BackupError(f"The secret {settings.secret_path} is not that of the backup. Move it away, and restore again.")
    elif not settings.secret_path.exists():
        raise BackupError(f"The backup has no secret, and there is none at {settings.secret_path}: put it there first.")
    known = set(read_log(settings.withheld_log_path))
    append_to_log(settings.withheld_log_path, [line for line in read_log(folder / LOG) if line not in known])


def _restore_file(source: Path, target: Path) -> None:
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
        temporary.chmod(0o600)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
