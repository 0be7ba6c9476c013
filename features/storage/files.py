"""Files that appear whole or not at all, and folders that are gone after use."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; it takes `path`'s place at the end, and is gone after an error."""
    with temporary_path(path) as new:
        yield new
        new.replace(path)


@contextmanager
def temporary_path(path: Path) -> Iterator[Path]:
    """Yield a path of this process' own beside `path`, gone at the end; so is what killed processes left there."""
    own = _own(path)
    try:
        yield own
    finally:
        own.unlink(missing_ok=True)


@contextmanager
def scratch(path: Path) -> Iterator[Path]:
    """Yield a new folder of this process' own beside `path`, gone at the end; so is what killed processes left there."""
    own = _own(path)
    own.mkdir()
    try:
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _own(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".*.{path.name}"):
        owner = left.name.split(".")[1]
        if owner.isdigit() and not _runs(int(owner)):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
    return path.with_name(f".{os.getpid()}.{path.name}")


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
