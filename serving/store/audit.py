"""The audit log: who read which list or customer, and who suppressed, erased, created or revoked what. It is append-only."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from serving.store.engine import autocommit
from serving.store.schema import AUDIT

LIST_READ, LIST_DOWNLOADED = "list read", "list downloaded"


def add_audit_entry(
    connection: sa.Connection,
    client: str,
    action: str,
    at: datetime,
    subject: str | None = None,
    rows: int | None = None,
    note: str | None = None,
) -> None:
    """Add an entry within an open transaction.

    `subject` is the id of a list or key, or the keyed hash of a customer. `at` is in UTC, `note` the reason
    that was given.
    """
    connection.execute(AUDIT.insert().values(client=client, what=action, at=at, subject=subject, rows=rows, note=note))


def record_read(engine: sa.Engine, client: str, action: str, at: datetime, subject: str, rows: int) -> None:
    """Add the entry of a read in a transaction of its own."""
    with engine.begin() as connection:
        add_audit_entry(connection, client, action, at, subject, rows)


@dataclass(frozen=True)
class ListAccess:
    """How a client last read or downloaded a list: `what` is LIST_READ or LIST_DOWNLOADED, `at` is in UTC."""

    client: str
    what: str
    at: datetime


def list_accesses(connection: sa.Connection, list_id: str) -> list[ListAccess]:
    """Return when each client last read and downloaded rows of a list, downloads first, then the newest first."""
    query = (
        sa.select(AUDIT.c.client, AUDIT.c.what, sa.func.max(AUDIT.c.at).label("at"))
        .where(AUDIT.c.subject == list_id, AUDIT.c.what.in_((LIST_READ, LIST_DOWNLOADED)), AUDIT.c.rows > 0)
        .group_by(AUDIT.c.client, AUDIT.c.what)
    )
    found = [ListAccess(row.client, row.what, row.at) for row in connection.execute(query)]
    return sorted(found, key=lambda access: (access.what == LIST_DOWNLOADED, access.at), reverse=True)


def read_list_accesses(engine: sa.Engine, list_id: str) -> list[ListAccess]:
    """Return `list_accesses` in a connection of its own."""
    with autocommit(engine).connect() as connection:
        return list_accesses(connection, list_id)
