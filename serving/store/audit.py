"""The audit log: who read which list or customer, and who suppressed, erased, created or revoked what. It is append-only."""

from datetime import datetime

import sqlalchemy as sa

from serving.store.schema import AUDIT


def add_audit_entry(
    connection: sa.Connection, client: str, action: str, at: datetime, subject: str | None = None, rows: int | None = None
) -> None:
    """Add an entry within an open transaction.

    `subject` is the id of a list or key, or the keyed hash of a customer. `at` is in UTC.
    """
    connection.execute(AUDIT.insert().values(client=client, what=action, at=at, subject=subject, rows=rows))


def record_read(engine: sa.Engine, client: str, action: str, at: datetime, subject: str, rows: int) -> None:
    """Add the entry of a read in a transaction of its own."""
    with engine.begin() as connection:
        add_audit_entry(connection, client, action, at, subject, rows)
