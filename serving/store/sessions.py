"""Sessions of the web pages: started with a key, stored as the hash of a cookie, and ended with the key at the latest."""

import hashlib
import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa

from serving.store.audit import add_audit_entry
from serving.store.keys import Client
from serving.store.read import with_retry
from serving.store.schema import KEYS, SESSIONS

SESSION_HOURS = 12
MAX_TOKEN_LENGTH = 100
SESSION_BY_HASH = (
    sa.select(KEYS.c.client, KEYS.c.key_id, KEYS.c.scopes, KEYS.c.expires_at, KEYS.c.revoked_at, SESSIONS.c.ends_at)
    .join_from(SESSIONS, KEYS, KEYS.c.key_id == SESSIONS.c.key_id)
    .where(SESSIONS.c.session_hash == sa.bindparam("hash"))
)


def begin_session(engine: sa.Engine, client: Client, now: datetime) -> str:
    """Start a session of a client and return its token, for a cookie. Only its hash is stored; ended sessions are deleted."""
    token = secrets.token_urlsafe(32)
    row = {
        "session_hash": _hash_token(token),
        "key_id": client.key_id,
        "began_at": now,
        "ends_at": now + timedelta(hours=SESSION_HOURS),
    }
    with engine.begin() as connection:
        connection.execute(SESSIONS.delete().where(SESSIONS.c.ends_at < now))
        connection.execute(SESSIONS.insert().values(**row))
        add_audit_entry(connection, client.name, "signed in", now, client.key_id)
    return token


def find_session_client(engine: sa.Engine, token: str, now: datetime) -> Client | None:
    """Return the client of a live session; None if the session has ended, or its key was revoked or has expired."""
    if not token or len(token) > MAX_TOKEN_LENGTH:
        return None
    row = with_retry(engine, lambda connection: connection.execute(SESSION_BY_HASH, {"hash": _hash_token(token)}).one_or_none())
    if row is None or row.revoked_at is not None or now >= min(row.expires_at, row.ends_at):
        return None
    return Client(row.client, row.key_id, frozenset(row.scopes.split(",")))


def end_session(engine: sa.Engine, token: str) -> None:
    """End a session; do nothing if there is none."""
    with engine.begin() as connection:
        connection.execute(SESSIONS.delete().where(SESSIONS.c.session_hash == _hash_token(token)))


def _hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
