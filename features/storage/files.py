"""Files that appear complete or not at all, and folders that are removed after use."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; it replaces `path` at the end, and is removed after an error."""
    with temporary_path(path) as temporary:
        yield temporary
        temporary.replace(path)


@contextmanager
def temporary_path(path: Path) -> Iterator[Path]:
    """Yield a path of this process beside `path`, removed at the end; also remove what killed processes left there."""
    temporary = _process_path(path)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder of this process beside `path`, removed at the end; also remove what killed processes left there."""
    folder = _process_path(path)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _process_path(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    for candidate in path.parent.glob(f".*.{path.name}"):
        process = candidate.name.split(".")[1]
        if process.isdigit() and not _is_running(int(process)):
            shutil.rmtree(candidate) if candidate.is_dir() else candidate.unlink(missing_ok=True)
    return path.with_name(f".{os.getpid()}.{path.name}")


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
