"""Who may read what Holdfast writes: the owner only, or also the owner's group."""

import os
from pathlib import Path

from settings.sections import Workspace

OWNER_ONLY, WITH_GROUP = 0o077, 0o027  # the bits that new files and folders lack


def restrict_new_files(workspace: Workspace) -> None:
    """Let this process create files for the owner only (0600, folders 0700), or with `group_access` readable by the group."""
    os.umask(WITH_GROUP if workspace.group_access else OWNER_ONLY)


def restrict_folder(workspace: Workspace) -> None:
    """Create the folder of the workspace if needed, and take from others what they may not have: without it they reach no file.

    A folder of another owner is left as it is.
    """
    path, denied = workspace.path, WITH_GROUP if workspace.group_access else OWNER_ONLY
    path.mkdir(parents=True, exist_ok=True)
    state = path.stat()
    if state.st_mode & denied and state.st_uid == os.geteuid():
        Path(path).chmod(state.st_mode & ~denied & 0o7777)
