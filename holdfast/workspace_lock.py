"""One command at a time in a workspace: what two would write at once, neither could rely on."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from holdfast.printing.console import MESSAGES
from settings.errors import UserError
from settings.load import load_settings

LOCK, HOLDER = ".lock", ".at_work"


class WorkspaceBusyError(UserError):  # noqa: N818  # it names the state of the workspace
    """Another command is at work in the workspace."""


def alone(name: str, command: Callable[..., None], *, waits: bool = True) -> Callable[..., None]:
    """Return a command that has the workspace of its configuration for itself while it runs."""

    @wraps(command)
    def run(**options: Any) -> None:  # noqa: ANN401  # whatever the command takes
        workspace = load_settings(options["config"]).workspace.path
        with at_work(workspace, name, waits=waits):
            command(**options)

    return run


@contextmanager
def at_work(workspace: Path, name: str, *, waits: bool) -> Iterator[None]:
    """Hold the workspace. Where another command holds it: wait for that one, or raise Busy. A killed one holds nothing."""
    workspace.mkdir(parents=True, exist_ok=True)
    lock = FileLock(workspace / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if not waits:
            holder = _holder(workspace)
            raise WorkspaceBusyError(
                f"{holder} is at work in {workspace}; `{name}` runs alone: try again when it is done."
            ) from None
        MESSAGES.print(f"Waiting for {_holder(workspace)}, which is at work in {workspace} ...")
        lock.acquire()
    try:
        said = f"`{name}` (process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M} UTC)"
        (workspace / HOLDER).write_text(said, encoding="utf-8")
        yield
    finally:
        lock.release()


def _holder(workspace: Path) -> str:
    try:
        return (workspace / HOLDER).read_text(encoding="utf-8")
    except OSError:
        return "Another command"
