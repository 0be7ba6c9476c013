"""The secret of a workspace: draws the held-out customers, and turns ids into hashes that nobody else can make."""

import secrets
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from features.storage.files import temporary_path
from features.storage.hashing import hash_of
from serving.store.schema import META
from settings.errors import UserError

SECRET_BYTES = 32
MARK = "secret"


class SecretMismatchError(UserError):  # noqa: N818  # it names what was found, as the documentation does
    """The store was begun with another secret, whose hashes this one cannot make."""


def workspace_key(path: Path) -> bytes:
    """Return the secret in a file, made on first use and readable by its owner only."""
    if not path.exists():
        with temporary_path(path) as new:
            new.touch(mode=0o600)
            new.write_bytes(secrets.token_bytes(SECRET_BYTES))
            _first(new, path)
    return path.read_bytes()


def identity_key(path: Path, engine: sa.Engine) -> str:
    """Return the key that hashes customer ids in a store, from the secret in `path`.

    A store remembers by which secret it was begun. Raises SecretDiffers where that is another one, or where it is gone:
    objections and erasures would silently be forgotten.
    """
    with engine.connect() as connection:
        mark = connection.scalar(sa.select(META.c.value).where(META.c.name == MARK))
    if mark is not None and not path.exists():
        raise SecretMismatchError(
            f"The store was begun with a secret that is not at {path}; put it there, or name it in [serving]."
        )
    secret = workspace_key(path).hex()
    own = hash_of("this store", secret)
    if mark is None:
        mark = _remember(engine, own)
    if mark != own:
        raise SecretMismatchError(
            f"The store was begun with another secret than the one in {path}; name the right one in [serving]."
        )
    return hash_of("identity", secret)


def _first(new: Path, path: Path) -> None:
    """Of several processes that make it at once, the first one's stays."""
    try:
        path.hardlink_to(new)
    except FileExistsError:
        return


def _remember(engine: sa.Engine, own: str) -> str:
    try:
        with engine.begin() as connection:
            connection.execute(META.insert().values(name=MARK, value=own))
    except IntegrityError:  # another process was first
        with engine.connect() as connection:
            return str(connection.scalar(sa.select(META.c.value).where(META.c.name == MARK)))
    return own
