"""Write through to the disk, so that a power cut leaves the old or the new file, never an empty one under the new name."""

import os
from pathlib import Path

from features.storage.files import atomic_path


def sync_folder(folder: Path) -> None:
    """Flush every file and folder in `folder`, and `folder` itself, to the disk."""
    for path in sorted(folder.rglob("*"), reverse=True):
        _sync(path)
    _sync(folder)


def replace_durably(source: Path, target: Path) -> None:
    """Rename a folder or file once its contents are on the disk, and flush the new name too."""
    if source.is_dir():
        sync_folder(source)
    else:
        _sync(source)
    source.replace(target)
    _sync(target.parent)


def write_durably(path: Path, data: bytes, mode: int | None = None) -> None:
    """Replace the file at `path` by `data` in one step, which a power cut does not undo; `mode` sets its permissions."""
    with atomic_path(path) as temporary:
        if mode is not None:
            temporary.touch(mode)
        temporary.write_bytes(data)
        _sync(temporary)
    _sync(path.parent)


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot open folders
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
