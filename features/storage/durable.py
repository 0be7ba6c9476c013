"""Rename through to the disk, so that a power cut leaves the old or the new file, never an empty one under the new name."""

import os
from pathlib import Path


def replace_durably(source: Path, target: Path) -> None:
    """Rename a folder or file once its contents are on the disk, and flush the new name too."""
    if source.is_dir():
        _flush_folder(source)
    else:
        _flush(source)
    source.replace(target)
    _flush(target.parent)


def _flush_folder(folder: Path) -> None:
    """Flush every file and folder in `folder`, and `folder` itself."""
    for path in sorted(folder.rglob("*"), reverse=True):
        _flush(path)
    _flush(folder)


def _flush(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot open folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
