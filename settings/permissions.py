"""Who may read what Holdfast writes: the owner only, or also the owner's group."""

import os
from stat import S_IMODE

from settings.sections import Workspace

FOLDER_MODE, OWNER_ONLY, WITH_GROUP = 0o777, 0o077, 0o027  # the bits that new files and folders lack


def restrict_new_files(workspace: Workspace) -> None:
    """Let this process create files for the owner only (0600, folders 0700), or with `group_access` readable by the group."""
    os.umask(WITH_GROUP if workspace.group_access else OWNER_ONLY)


def restrict_workspace(workspace: Workspace) -> None:
    """Restrict the folder of the workspace, and what this process creates from now on."""
    restrict_new_files(workspace)
    _restrict_folder(workspace)


def _restrict_folder(workspace: Workspace) -> None:
    """Create the folder of the workspace if needed, for those who may enter it: others then reach no file in it.

    A folder of another owner is left as it is.
    """
    path, mode = workspace.path, FOLDER_MODE & ~(WITH_GROUP if workspace.group_access else OWNER_ONLY)
    path.mkdir(parents=True, exist_ok=True)
    state = path.stat()
    if S_IMODE(state.st_mode) != mode and state.st_uid == os.geteuid():
        path.chmod(mode)
