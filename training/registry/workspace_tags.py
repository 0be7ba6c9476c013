"""Tags by which a workspace recognises its own runs and versions on a tracking server that others use too.

They reveal neither a path nor a name: both are keyed hashes, with a random secret that moves with the workspace.
"""

import secrets
from pathlib import Path

from features.storage.files import write_durably
from features.storage.hashing import hash_text

KEY_FILE = "tracking.key"
WORKSPACE_TAG, FOLDER_TAG, FILES_TAG = "holdfast.workspace", "holdfast.folder", "holdfast.champion_files"
SECRET_BYTES, TAG_LENGTH = 16, 16


def own_tags(workspace: Path) -> dict[str, str]:
    """Return the tags of all that this workspace logs: one of the workspace, one of the folder that it is in now."""
    secret = _read_secret(workspace) or _new_secret(workspace)
    return {WORKSPACE_TAG: _tag("workspace", secret), FOLDER_TAG: _tag(str(workspace.resolve()), secret)}


def belongs_to_another(workspace: Path, tags: dict[str, str]) -> bool:
    """Whether tags are those of another workspace; versions of earlier Holdfasts have none and belong to this one."""
    return WORKSPACE_TAG in tags and tags[WORKSPACE_TAG] != own_tags(workspace)[WORKSPACE_TAG]


def _tag(text: str, secret: str) -> str:
    return hash_text(text, secret)[:TAG_LENGTH]


def _read_secret(workspace: Path) -> str:
    path = workspace / KEY_FILE
    text = path.read_text(encoding="utf-8", errors="replace").strip() if path.is_file() else ""
    return text if len(text) == 2 * SECRET_BYTES and text.isalnum() else ""


def _new_secret(workspace: Path) -> str:
    secret = secrets.token_hex(SECRET_BYTES)
    write_durably(workspace / KEY_FILE, f"{secret}\n".encode(), mode=0o600)
    return secret
