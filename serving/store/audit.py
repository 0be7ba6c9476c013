"""The audit: who read which list, how many rows, when; and who suppressed, erased, made or revoked what. It only grows."""

from datetime import datetime

import sqlalchemy as sa

from serving.store.schema import AUDIT


def record(
    connection: sa.Connection, client: str, what: str, at: datetime, subject: str | None = None, rows: int | None = None
) -> None:
    """Add an entry; `subject` is the id of a list or key, or the keyed hash of a customer. `at` is UTC."""
    connection.execute(AUDIT.insert().values(client=client, what=what, at=at, subject=subject, rows=rows))
