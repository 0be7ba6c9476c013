"""The secret of a workspace: it draws the control groups, and hashes ids so that only its owner can compute the hashes."""

import secrets
from pathlib import Path

import sqlalchemy as sa

from features.storage.files import temporary_path
from features.storage.hashing import hash_text
from serving.store.secret_fingerprint import read_fingerprint, save_fingerprint
from settings.errors import UserError

SECRET_BYTES = 32


class SecretMismatchError(UserError):
    """The store was created with another secret, whose hashes this one cannot compute."""


def workspace_key(path: Path) -> bytes:
    """Return the secret in a file; it is created on first use, readable by its owner only."""
    if not path.exists():
        with temporary_path(path) as new:
            new.touch(mode=0o600)
            new.write_bytes(secrets.token_bytes(SECRET_BYTES))
            _publish_first(new, path)
    return path.read_bytes()


def identity_key(path: Path, engine: sa.Engine) -> str:
    """Return the key that hashes customer ids in a store, derived from the secret in `path`.

    A store keeps a fingerprint of the secret that it was created with. Raises SecretMismatchError if the secret is another one or
    missing: otherwise objections and erasures would silently be lost.
    """
    stored = read_fingerprint(engine)
    if stored is not None and not path.exists():
        raise SecretMismatchError(
            f"The store was created with a secret that is not at {path}; put it there, or name its file in [serving]."
        )
    secret = workspace_key(path).hex()
    fingerprint = hash_text("this store", secret)
    if stored is None:
        stored = save_fingerprint(engine, fingerprint)
    if stored != fingerprint:
        raise SecretMismatchError(
            f"The store was created with another secret than the one in {path}; name the file of the right one in [serving]."
        )
    return hash_text("identity", secret)


def _publish_first(new: Path, path: Path) -> None:
    """Move the file into place, unless another process was first: then that process's file stays."""
    try:
        path.hardlink_to(new)
    except FileExistsError:
        return
