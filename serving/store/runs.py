"""Which runs there are, and which one is current."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from serving.store.engine import reading
from serving.store.schema import COMPLETE, RUNS
from settings.errors import UserError


class NoRunError(UserError):  # noqa: N818  # it names the state of the store, as the documentation does
    """No scoring run has been published yet."""


@dataclass(frozen=True)
class Run:
    """A published run: as of when, when it was made (UTC), and by which champion.

    `horizon_days` is how far its p_churn looks ahead, `rows` how many customers it has.
    """

    run_id: int
    as_of: date
    scored_at: datetime
    model_version: str
    horizon_days: int
    rows: int


ABOUT = tuple(RUNS.c[name] for name in ("run_id", "as_of", "scored_at", "model_version", "horizon_days", "rows"))
NEWEST_FIRST = (RUNS.c.as_of.desc(), RUNS.c.run_id.desc())
CURRENT = sa.select(*ABOUT).where(RUNS.c.state == COMPLETE).order_by(*NEWEST_FIRST).limit(1)


def current_run(connection: sa.Connection) -> Run:
    """Return the run with the newest as-of date, and of several the newest made. Raises NoRun before the first."""
    row = connection.execute(CURRENT).one_or_none()
    if row is None:
        raise NoRunError("No scores have been published yet; run `score` first.")
    return Run(*row)


def run_if_any(engine: sa.Engine) -> Run | None:
    """Return the current run; None before the first."""
    with reading(engine).connect() as connection:
        row = connection.execute(CURRENT).one_or_none()
    return None if row is None else Run(*row)


def summary_of(connection: sa.Connection, run: Run) -> dict[str, Any] | None:
    """Return the figures of a run (`serving/store/run_summary.py`); None of one of an earlier Holdfast."""
    told = connection.scalar(sa.select(RUNS.c.summary).where(RUNS.c.run_id == run.run_id))
    return None if told is None else dict(json.loads(told))


def kept_runs(connection: sa.Connection) -> list[Run]:
    """Return the newest run of each as-of date that is kept, oldest date first."""
    rows = connection.execute(sa.select(*ABOUT).where(RUNS.c.state == COMPLETE).order_by(*NEWEST_FIRST)).all()
    newest: dict[date, Run] = {}
    for row in rows:
        newest.setdefault(row.as_of, Run(*row))
    return list(reversed(newest.values()))
