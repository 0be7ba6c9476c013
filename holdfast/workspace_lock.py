"""Commands that lock the workspace, so that only one at a time writes to it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from expectations.history.repair import repair_history
from features.storage.workspace_lock import hold_workspace_lock
from holdfast.printing.console import MESSAGES
from settings.errors import UserError
from settings.load import load_settings
from settings.permissions import restrict_workspace


class WorkspaceBusyError(UserError):
    """Another command is running in the workspace."""


def with_workspace_lock(name: str, command: Callable[..., None], *, wait: bool = True) -> Callable[..., None]:
    """Return the command wrapped so that it holds the lock of its configuration's workspace while it runs."""

    @wraps(command)
    def run(**options: Any) -> None:  # noqa: ANN401  # the options of any command
        workspace = load_settings(options["config"]).workspace
        restrict_workspace(workspace)
        with hold_workspace(workspace.path, name, wait=wait):
            for sentence in repair_history(workspace.path):
                MESSAGES.print(sentence)
            command(**options)

    return run


@contextmanager
def hold_workspace(workspace: Path, name: str, *, wait: bool) -> Iterator[None]:
    """Hold the lock of the workspace; if another command holds it, wait for that command or raise WorkspaceBusyError."""

    def on_wait(holder: str) -> None:
        if not wait:
            raise WorkspaceBusyError(
                f"{holder} is running in {workspace}, and `{name}` must run alone; try again when it has finished."
            )
        MESSAGES.print(f"Waiting for {holder}, which is running in {workspace} ...")

    with hold_workspace_lock(workspace, name, on_wait):
        yield
