"""Files that appear complete or not at all, and folders that are removed after use."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from features.storage.durable import replace_durably


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; it replaces `path` at the end, and is removed after an error."""
    with temporary_path(path) as temporary:
        yield temporary
        replace_durably(temporary, path)


def write_durably(path: Path, data: bytes, mode: int | None = None) -> None:
    """Replace the file at `path` by `data` in one step, which a power cut does not undo; `mode` sets its permissions."""
    with atomic_path(path) as temporary:
        if mode is not None:
            temporary.touch(mode)
        temporary.write_bytes(data)


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


def writer_of(path: Path) -> int | None:
    """Return the process that writes a temporary file or folder; None for a path of another kind.

    The name of such a path starts with a dot and the number of the process.
    """
    process = path.name.split(".")[1] if path.name.startswith(".") else ""
    return int(process) if process.isdecimal() else None


def is_running(process: int) -> bool:
    """Return whether a process of this machine is running."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _process_path(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    for candidate in path.parent.glob(f".*.{path.name}"):
        process = writer_of(candidate)
        if process is not None and not is_running(process):
            shutil.rmtree(candidate) if candidate.is_dir() else candidate.unlink(missing_ok=True)
    return path.with_name(f".{os.getpid()}.{path.name}")
