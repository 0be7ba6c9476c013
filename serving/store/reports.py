"""Figures that pages show and that take long to reckon: kept under a name, the newest alone. No customer is in them."""

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from serving.store.engine import reading
from serving.store.schema import REPORTS


def save_report(engine: sa.Engine, name: str, content: dict[str, Any], now: datetime) -> None:
    """Keep a report in place of the one before."""
    with engine.begin() as connection:
        connection.execute(REPORTS.delete().where(REPORTS.c.name == name))
        connection.execute(REPORTS.insert().values(name=name, made_at=now, content=json.dumps(content, allow_nan=False)))


def read_report(engine: sa.Engine, name: str) -> tuple[datetime, dict[str, Any]] | None:
    """Return when a report was made (UTC), and what it says; None where there is none."""
    with reading(engine).connect() as connection:
        row = connection.execute(sa.select(REPORTS.c.made_at, REPORTS.c.content).where(REPORTS.c.name == name)).one_or_none()
    return None if row is None else (row.made_at, json.loads(row.content))
