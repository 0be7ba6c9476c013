"""Sessions of people who look at the pages: begun with a key, kept by the hash of a cookie, ended with the key at the latest."""

import hashlib
import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa

from serving.store.audit import record
from serving.store.keys import Client
from serving.store.read import with_retry
from serving.store.schema import KEYS, SESSIONS

HOURS = 12
LONGEST = 100
LIVE = (
    sa.select(KEYS.c.client, KEYS.c.key_id, KEYS.c.scopes, KEYS.c.expires_at, KEYS.c.revoked_at, SESSIONS.c.ends_at)
    .join_from(SESSIONS, KEYS, KEYS.c.key_id == SESSIONS.c.key_id)
    .where(SESSIONS.c.session_hash == sa.bindparam("wanted"))
)


def begin_session(engine: sa.Engine, client: Client, now: datetime) -> str:
    """Return the token of a new session of a client, for a cookie; it is stored as a hash. Sessions that ended are removed."""
    token = secrets.token_urlsafe(32)
    row = {"session_hash": _hash(token), "key_id": client.key_id, "began_at": now, "ends_at": now + timedelta(hours=HOURS)}
    with engine.begin() as connection:
        connection.execute(SESSIONS.delete().where(SESSIONS.c.ends_at < now))
        connection.execute(SESSIONS.insert().values(**row))
        record(connection, client.name, "signed in", now, client.key_id)
    return token


def client_of_session(engine: sa.Engine, token: str, now: datetime) -> Client | None:
    """Return whose session it is; None for one that has ended, or whose key has."""
    if not token or len(token) > LONGEST:
        return None
    row = with_retry(engine, lambda connection: connection.execute(LIVE, {"wanted": _hash(token)}).one_or_none())
    if row is None or row.revoked_at is not None or now >= min(row.expires_at, row.ends_at):
        return None
    return Client(row.client, row.key_id, frozenset(row.scopes.split(",")))


def end_session(engine: sa.Engine, token: str) -> None:
    """End a session; nothing is done for one that there is not."""
    with engine.begin() as connection:
        connection.execute(SESSIONS.delete().where(SESSIONS.c.session_hash == _hash(token)))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
