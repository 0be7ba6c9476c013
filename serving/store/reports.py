"""Reports: figures for the pages that take long to compute. Only the newest of each name is kept; none names a customer."""

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from serving.store.engine import autocommit
from serving.store.schema import REPORTS


def save_report(engine: sa.Engine, name: str, content: dict[str, Any], now: datetime) -> None:
    """Store a report and replace the previous one of that name."""
    with engine.begin() as connection:
        connection.execute(REPORTS.delete().where(REPORTS.c.name == name))
        connection.execute(REPORTS.insert().values(name=name, made_at=now, content=json.dumps(content, allow_nan=False)))


def read_report(engine: sa.Engine, name: str) -> tuple[datetime, dict[str, Any]] | None:
    """Return the time (UTC) and the content of a report; None if there is no report of that name."""
    with autocommit(engine).connect() as connection:
        row = connection.execute(sa.select(REPORTS.c.made_at, REPORTS.c.content).where(REPORTS.c.name == name)).one_or_none()
    return None if row is None else (row.made_at, json.loads(row.content))
