"""The lock of a workspace: only one command, or one erasure by the service, changes its files at a time."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from settings.clock import utc_now

LOCK_FILE, HOLDER_FILE = ".lock", ".at_work"


@contextmanager
def try_workspace_lock(workspace: Path, name: str) -> Iterator[bool]:
    """Yield whether the lock was free; if it was, hold it until the end. A killed process holds no lock."""
    lock = _lock(workspace)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    with _held(lock, workspace, name):
        yield True


@contextmanager
def hold_workspace_lock(workspace: Path, name: str, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock; if another process holds it, call `on_wait` with its description, which may raise, and wait."""
    lock = _lock(workspace)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        on_wait(read_holder(workspace))
        lock.acquire()
    with _held(lock, workspace, name):
        yield


def read_holder(workspace: Path) -> str:
    """Return what holds the lock, or held it last."""
    try:
        return (workspace / HOLDER_FILE).read_text(encoding="utf-8")
    except OSError:
        return "Another command"


def _lock(workspace: Path) -> FileLock:
    workspace.mkdir(parents=True, exist_ok=True)
    return FileLock(workspace / LOCK_FILE)


@contextmanager
def _held(lock: FileLock, workspace: Path, name: str) -> Iterator[None]:
    try:
        holder = f"`{name}` (process {os.getpid()}, since {utc_now():%Y-%m-%d %H:%M} UTC)"
        (workspace / HOLDER_FILE).write_text(holder, encoding="utf-8")
        yield
    finally:
        lock.release()
