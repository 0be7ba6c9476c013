"""Lock the workspace, so that only one command at a time writes to it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from holdfast.printing.console import MESSAGES
from settings.clock import utc_now
from settings.errors import UserError
from settings.load import load_settings

LOCK_FILE, HOLDER_FILE = ".lock", ".at_work"


class WorkspaceBusyError(UserError):
    """Another command is running in the workspace."""


def with_workspace_lock(name: str, command: Callable[..., None], *, wait: bool = True) -> Callable[..., None]:
    """Return the command wrapped so that it holds the lock of its configuration's workspace while it runs."""

    @wraps(command)
    def run(**options: Any) -> None:  # noqa: ANN401  # the options of any command
        workspace = load_settings(options["config"]).workspace.path
        with hold_workspace(workspace, name, wait=wait):
            command(**options)

    return run


@contextmanager
def hold_workspace(workspace: Path, name: str, *, wait: bool) -> Iterator[None]:
    """Hold the lock of the workspace.

    If another command holds it, wait for that command or raise WorkspaceBusyError. A killed command holds no lock.
    """
    workspace.mkdir(parents=True, exist_ok=True)
    lock = FileLock(workspace / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if not wait:
            raise WorkspaceBusyError(
                f"{_read_holder(workspace)} is running in {workspace}, and `{name}` must run alone; "
                "try again when it has finished."
            ) from None
        MESSAGES.print(f"Waiting for {_read_holder(workspace)}, which is running in {workspace} ...")
        lock.acquire()
    try:
        holder = f"`{name}` (process {os.getpid()}, since {utc_now():%Y-%m-%d %H:%M} UTC)"
        (workspace / HOLDER_FILE).write_text(holder, encoding="utf-8")
        yield
    finally:
        lock.release()


def _read_holder(workspace: Path) -> str:
    try:
        return (workspace / HOLDER_FILE).read_text(encoding="utf-8")
    except OSError:
        return "Another command"
