"""API keys: shown once, stored as hashes, with scopes and an expiry date. A client may have two live keys, to rotate them."""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa

from serving.store.audit import add_audit_entry
from serving.store.engine import autocommit
from serving.store.read import with_retry
from serving.store.schema import KEYS
from settings.errors import UserError

MAX_LIVE_KEYS = 2
PREFIX = "hf"


class Scope(StrEnum):
    """The permissions a key can have."""

    SCORE = "score"
    LIST = "list"
    ISSUE = "issue"
    DETAILS = "details"
    ADMIN = "admin"


class KeyRefusedError(UserError):
    """A key cannot be created or revoked as requested."""


@dataclass(frozen=True)
class Client:
    """A caller: its name, the key it used, and the key's scopes."""

    name: str
    key_id: str
    scopes: frozenset[str]


@dataclass(frozen=True)
class KeyRow:
    """The public fields of a key: everything but its secret. Times are in UTC."""

    key_id: str
    client: str
    scopes: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        """Whether the key is neither revoked nor expired."""
        return self.revoked_at is None and now < self.expires_at


PUBLIC_COLUMNS = tuple(KEYS.c[name] for name in ("key_id", "client", "scopes", "created_at", "expires_at", "revoked_at"))


KEY_BY_ID = sa.select(*PUBLIC_COLUMNS, KEYS.c.secret_hash).where(KEYS.c.key_id == sa.bindparam("id"))


def create_key(engine: sa.Engine, client: str, scopes: Collection[Scope], days: int, now: datetime) -> str:
    """Create a key that expires after `days` days and return it; only its hash is stored, so it cannot be shown again.

    Raises KeyRefusedError if the client name is empty or not printable, or if the client has two live keys already.
    """
    if not client.strip() or not client.isprintable():
        raise KeyRefusedError("A key needs the name of its client.")
    live = [key for key in list_keys(engine) if key.client == client and key.is_live(now)]
    if len(live) >= MAX_LIVE_KEYS:
        ids = " and ".join(key.key_id for key in live)
        raise KeyRefusedError(f"{client} has {len(live)} live keys ({ids}); revoke one of them first.")
    key_id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    row = {"key_id": key_id, "client": client, "scopes": ",".join(sorted(set(scopes))), "secret_hash": _hash_secret(secret)}
    with engine.begin() as connection:
        connection.execute(KEYS.insert().values(**row, created_at=now, expires_at=now + timedelta(days=days)))
        add_audit_entry(connection, "command line", "key created", now, key_id)
    return f"{PREFIX}_{key_id}_{secret}"


def list_keys(engine: sa.Engine) -> list[KeyRow]:
    """Return all keys, including revoked and expired ones, by client and creation time."""
    with autocommit(engine).connect() as connection:
        rows = connection.execute(sa.select(*PUBLIC_COLUMNS).order_by(KEYS.c.client, KEYS.c.created_at, KEYS.c.key_id))
        return [KeyRow(*row) for row in rows]


def revoke_key(engine: sa.Engine, key_id: str, now: datetime) -> None:
    """Revoke a key with immediate effect; one revoked before is left as it is. Raises KeyRefusedError if there is no such key."""
    with engine.begin() as connection:
        if connection.scalar(sa.select(KEYS.c.key_id).where(KEYS.c.key_id == key_id)) is None:
            raise KeyRefusedError(f"There is no key {key_id!r}; `keys list` shows all keys.")
        update = KEYS.update().where(KEYS.c.key_id == key_id, KEYS.c.revoked_at.is_(None)).values(revoked_at=now)
        if connection.execute(update).rowcount:
            add_audit_entry(connection, "command line", "key revoked", now, key_id)


def find_client(engine: sa.Engine, key: str, now: datetime) -> Client | None:
    """Return the client of a live key; None for any other text. The secret is compared in constant time."""
    prefix, _, rest = key.partition("_")
    key_id, _, secret = rest.partition("_")
    if prefix != PREFIX or not key_id.isalnum() or not secret.isascii():
        return None
    row = with_retry(engine, lambda connection: connection.execute(KEY_BY_ID, {"id": key_id}).one_or_none())
    expected = _hash_secret("") if row is None else row.secret_hash
    matches = hmac.compare_digest(_hash_secret(secret), expected)
    if row is None or not matches or not KeyRow(*row[:-1]).is_live(now):
        return None
    return Client(row.client, row.key_id, frozenset(row.scopes.split(",")))


def _hash_secret(secret: str) -> str:
    """Return the SHA-256 of a secret; 256 random bits cannot be guessed, so no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()
