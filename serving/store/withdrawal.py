"""Take back a published run: the one before becomes current, and the lists issued from it are marked."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from serving.store.audit import add_audit_entry
from serving.store.engine import autocommit
from serving.store.runs import NEWEST_FIRST, RUN_FIELDS, Run
from serving.store.schema import COMPLETE, LISTS, RUNS, WITHDRAWN
from settings.errors import UserError


class WithdrawalError(UserError):
    """There is no such published run."""


@dataclass(frozen=True)
class RunEntry:
    """A kept run, when it was published (UTC; None in runs of an early Holdfast), and its state: complete or withdrawn."""

    run: Run
    published_at: datetime | None
    state: str


def list_runs(engine: sa.Engine) -> list[RunEntry]:
    """Return the kept runs, published and withdrawn, the newest as-of date first, of one date the run published last."""
    fields = (*RUN_FIELDS, RUNS.c.published_at, RUNS.c.state)
    query = sa.select(*fields).where(RUNS.c.state.in_((COMPLETE, WITHDRAWN))).order_by(*NEWEST_FIRST)
    with autocommit(engine).connect() as connection:
        return [RunEntry(Run(*row[:-2]), published_at=row[-2], state=row[-1]) for row in connection.execute(query)]


def withdraw_run(engine: sa.Engine, run_id: int, now: datetime, client: str) -> list[str]:
    """Withdraw a published run and return the ids of the lists issued from it, which are marked. Every withdrawal is audited.

    The lists keep their rows: they may have been acted on. Raises WithdrawalError unless the run is published.
    """
    is_run = RUNS.c.run_id == run_id
    with engine.begin() as connection:
        withdrawn = connection.execute(RUNS.update().where(is_run, RUNS.c.state == COMPLETE).values(state=WITHDRAWN)).rowcount
        if not withdrawn:
            state = connection.scalar(sa.select(RUNS.c.state).where(is_run))
            was_withdrawn = "was withdrawn before" if state == WITHDRAWN else "is not published"
            raise WithdrawalError(f"Run {run_id} {was_withdrawn}; `runs` shows all runs.")
        of_run = sa.and_(LISTS.c.run_id == run_id, LISTS.c.withdrawn_at.is_(None))
        list_ids = list(connection.scalars(sa.select(LISTS.c.list_id).where(of_run).order_by(LISTS.c.list_id)))
        connection.execute(LISTS.update().where(of_run).values(withdrawn_at=now))
        add_audit_entry(connection, client, "run withdrawn", now, f"run {run_id}", len(list_ids))
    return list_ids
