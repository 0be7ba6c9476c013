"""Keys of clients: shown once, stored hashed, with scopes and an end; two live ones per client, so that one follows the other."""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa

from serving.store.audit import record
from serving.store.engine import reading
from serving.store.read import with_retry
from serving.store.schema import KEYS
from settings.errors import UserError

MAX_LIVE = 2
PREFIX = "hf"


class Scope(StrEnum):
    """What a key lets its client do."""

    SCORE = "score"
    LIST = "list"
    ADMIN = "admin"


class KeyRefusedError(UserError):  # noqa: N818  # it names what happened, as the documentation does
    """A key cannot be made or revoked as asked."""


@dataclass(frozen=True)
class Client:
    """Who calls, by which key, and what that key allows."""

    name: str
    key_id: str
    scopes: frozenset[str]


@dataclass(frozen=True)
class KeyRow:
    """A key as it may be shown: all but its secret. Times are UTC."""

    key_id: str
    client: str
    scopes: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        """Whether it opens anything."""
        return self.revoked_at is None and now < self.expires_at


SHOWN = tuple(KEYS.c[name] for name in ("key_id", "client", "scopes", "created_at", "expires_at", "revoked_at"))


BY_ID = sa.select(*SHOWN, KEYS.c.secret_hash).where(KEYS.c.key_id == sa.bindparam("wanted"))


def create_key(engine: sa.Engine, client: str, scopes: Collection[Scope], days: int, now: datetime) -> str:
    """Return a new key, which is stored as a hash and cannot be shown again; it ends after so many days.

    Raises KeyRefused where the client has two live keys already, or no name.
    """
    if not client.strip() or not client.isprintable():
        raise KeyRefusedError("A key needs the name of its client.")
    live = [key for key in list_keys(engine) if key.client == client and key.is_live(now)]
    if len(live) >= MAX_LIVE:
        ids = " and ".join(key.key_id for key in live)
        raise KeyRefusedError(f"{client} has {len(live)} live keys ({ids}); revoke one of them first.")
    key_id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    row = {"key_id": key_id, "client": client, "scopes": ",".join(sorted(set(scopes))), "secret_hash": _hash(secret)}
    with engine.begin() as connection:
        connection.execute(KEYS.insert().values(**row, created_at=now, expires_at=now + timedelta(days=days)))
        record(connection, "command line", "key created", now, key_id)
    return f"{PREFIX}_{key_id}_{secret}"


def list_keys(engine: sa.Engine) -> list[KeyRow]:
    """Return all keys, revoked and expired ones too, by client and age."""
    with reading(engine).connect() as connection:
        rows = connection.execute(sa.select(*SHOWN).order_by(KEYS.c.client, KEYS.c.created_at, KEYS.c.key_id))
        return [KeyRow(*row) for row in rows]


def revoke_key(engine: sa.Engine, key_id: str, now: datetime) -> None:
    """End a key at once; one that has ended already stays as it is. Raises KeyRefused for one that there is not."""
    with engine.begin() as connection:
        known = connection.scalar(sa.select(KEYS.c.key_id).where(KEYS.c.key_id == key_id))
        if known is None:
            raise KeyRefusedError(f"There is no key {key_id!r}; `keys list` shows them.")
        ended = KEYS.update().where(KEYS.c.key_id == key_id, KEYS.c.revoked_at.is_(None)).values(revoked_at=now)
        if connection.execute(ended).rowcount:
            record(connection, "command line", "key revoked", now, key_id)


def client_of(engine: sa.Engine, key: str, now: datetime) -> Client | None:
    """Return the client of a live key; None for any other text. The secret is compared in constant time."""
    prefix, _, rest = key.partition("_")
    key_id, _, secret = rest.partition("_")
    if prefix != PREFIX or not key_id.isalnum() or not secret.isascii():
        return None
    row = with_retry(engine, lambda connection: connection.execute(BY_ID, {"wanted": key_id}).one_or_none())
    expected = _hash("") if row is None else row.secret_hash
    matches = hmac.compare_digest(_hash(secret), expected)
    if row is None or not matches or not KeyRow(*row[:-1]).is_live(now):
        return None
    return Client(row.client, row.key_id, frozenset(row.scopes.split(",")))


def _hash(secret: str) -> str:
    """A secret of 256 random bits needs no slow hash: nobody can try them all."""
    return hashlib.sha256(secret.encode()).hexdigest()
