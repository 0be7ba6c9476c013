"""The secret of a workspace: it draws the control groups, and hashes ids so that only its owner can compute the hashes."""

import secrets
from pathlib import Path

import sqlalchemy as sa

from features.storage.files import temporary_path
from features.storage.hashing import derive_key
from serving.store.secret_fingerprint import read_fingerprint, save_fingerprint
from settings.errors import UserError

SECRET_BYTES = 32
IDENTITY = "identity"  # the purpose of the key that hashes customer ids
RESTORE_HINT = "Put the right file there, from a backup (`restore`), or name it in [serving] secret_file."


class SecretMismatchError(UserError):
    """The secret is missing, damaged, or another one than that of the store, whose hashes and draws it cannot repeat."""


def workspace_secret(path: Path, engine: sa.Engine) -> bytes:
    """Return the secret in `path`, which a new store's first use creates, readable by its owner only.

    A store keeps a fingerprint of the secret from its first use. Raises SecretMismatchError if the secret is another one, missing
    or damaged: otherwise objections and erasures would be lost, and held-out customers drawn again and treated.
    """
    stored = read_fingerprint(engine)
    if stored is not None:
        refuse_missing_secret(path)
    secret = _read_secret(path)
    fingerprint = derive_key("this store", secret)
    if stored is None:
        stored = save_fingerprint(engine, fingerprint)
    if stored != fingerprint:
        raise SecretMismatchError(f"The store was created with another secret than the one in {path}. {RESTORE_HINT}")
    return secret


def refuse_missing_secret(path: Path) -> None:
    """Raise SecretMismatchError if there is no secret at `path`, where there must be one."""
    if not path.exists():
        raise SecretMismatchError(f"The store was created with a secret that is not at {path}. {RESTORE_HINT}")


def identity_key(path: Path, engine: sa.Engine) -> str:
    """Return the key that hashes customer ids in a store, derived from the secret. Raises SecretMismatchError."""
    return derive_key(IDENTITY, workspace_secret(path, engine))


def _read_secret(path: Path) -> bytes:
    if not path.exists():
        with temporary_path(path) as new:
            new.touch(mode=0o600)
            new.write_bytes(secrets.token_bytes(SECRET_BYTES))
            _publish_first(new, path)
    secret = path.read_bytes()
    if len(secret) != SECRET_BYTES:
        raise SecretMismatchError(f"The secret in {path} has {len(secret)} bytes instead of {SECRET_BYTES}. {RESTORE_HINT}")
    return secret


def _publish_first(new: Path, path: Path) -> None:
    """Move the file into place, unless another process was first: then that process's file stays."""
    try:
        path.hardlink_to(new)
    except FileExistsError:
        return
