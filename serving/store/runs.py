"""The published scoring runs, and which of them is current."""

import json
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from serving.store.engine import autocommit
from serving.store.schema import COMPLETE, RUNS
from settings.errors import UserError


class NoRunError(UserError):
    """No scoring run has been published yet."""


@dataclass(frozen=True)
class Run:
    """A published run: its as-of date, when it was scored (UTC), and the champion's version.

    `horizon_days` is how far its p_churn looks ahead, `rows` its number of customers, `currency` that of its values; None in runs
    published before the store kept it.
    """

    run_id: int
    as_of: date
    scored_at: datetime
    model_version: str
    horizon_days: int
    rows: int
    currency: str | None = None


RUN_FIELDS = tuple(RUNS.c[field.name] for field in fields(Run))
NEWEST_FIRST = (RUNS.c.as_of.desc(), RUNS.c.run_id.desc())
CURRENT_RUN = sa.select(*RUN_FIELDS).where(RUNS.c.state == COMPLETE).order_by(*NEWEST_FIRST).limit(1)


def current_run(connection: sa.Connection) -> Run:
    """Return the run with the newest as-of date, of several the one published last. Raises NoRunError before the first run."""
    row = connection.execute(CURRENT_RUN).one_or_none()
    if row is None:
        raise NoRunError("No scores have been published yet; run `score` first.")
    return Run(*row)


def read_current_run(engine: sa.Engine) -> Run:
    """Return the current run, read on a connection of its own. Raises NoRunError before the first run."""
    with autocommit(engine).connect() as connection:
        return current_run(connection)


def find_current_run(engine: sa.Engine) -> Run | None:
    """Return the current run; None before the first run."""
    try:
        return read_current_run(engine)
    except NoRunError:
        return None


def read_run_summary(engine: sa.Engine, run: Run) -> dict[str, Any] | None:
    """Return the figures of a run (`serving/store/run_summary.py`); None for a run of an earlier Holdfast."""
    with autocommit(engine).connect() as connection:
        summary = connection.scalar(sa.select(RUNS.c.summary).where(RUNS.c.run_id == run.run_id))
    return None if summary is None else dict(json.loads(summary))


def kept_runs(connection: sa.Connection) -> list[Run]:
    """Return the newest kept run of each as-of date, in ascending order of date."""
    rows = connection.execute(sa.select(*RUN_FIELDS).where(RUNS.c.state == COMPLETE).order_by(*NEWEST_FIRST)).all()
    newest: dict[date, Run] = {}
    for row in rows:
        newest.setdefault(row.as_of, Run(*row))
    return list(reversed(newest.values()))
