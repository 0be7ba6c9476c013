"""Publish a scoring run: written to tables of its own, then made current in one statement."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import sqlalchemy as sa
from filelock import FileLock

from features.frames.columns import CUSTOMER
from features.norms import Norms
from serving.store.bulk import write_rows
from serving.store.erasure import delete_customers, erased_in, existing_run_tables, lock_erasures
from serving.store.ranks import pack_ranks
from serving.store.read import read_frame
from serving.store.run_summary import KEY, MONTH_DAYS, MOVE_COLUMNS, run_summary
from serving.store.runs import NEWEST_FIRST, RUN_FIELDS, Run, kept_runs
from serving.store.schema import COMPLETE, ROW_COLUMNS, RUN_COLUMNS, RUNS, WRITING, run_tables, score_table
from settings.clock import utc_now

PUBLISH_LOCK_ID = 0x70756273  # of the advisory lock that a publisher holds in PostgreSQL
DEFAULT_KEEP_WEEKS = 13


@dataclass(frozen=True)
class NewRun:
    """What a run is published from: its tables, the churn horizon, and the norms.

    `scores` has SCORE_COLUMNS, `targets` TARGET_COLUMNS, `units` UNIT_COLUMNS, and `details` customer_id and DETAIL_COLUMNS.
    """

    scores: pl.DataFrame
    horizon_days: int
    norms: Norms | None = None
    targets: pl.DataFrame | None = None
    units: pl.DataFrame | None = None
    details: pl.DataFrame | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of the run that are the same in every row."""
        first = self.scores.row(0, named=True)
        shared = {name: first[name] for name in RUN_COLUMNS}
        return shared | {"horizon_days": self.horizon_days, "rows": self.scores.height}


def publish(
    engine: sa.Engine,
    scores: pl.DataFrame,
    horizon_days: int,
    norms: Norms | None = None,
    keep_weeks: int = DEFAULT_KEEP_WEEKS,
    targets: pl.DataFrame | None = None,
    units: pl.DataFrame | None = None,
    identity: str | None = None,
    details: pl.DataFrame | None = None,
) -> Run:
    """Publish a run of SCORE_COLUMNS and return it; it becomes current unless a run has a newer as-of date.

    Readers see the whole run or nothing of it. If the newest run of that date has the same scores, nothing is written and that
    run is returned. The remains of an interrupted publication are deleted first, and at the end the runs of which `outdated_runs`
    says that they may go. `norms` are those that live scores use. With `identity`, the key of the store's hashes, customers
    who were erased since they were scored are left out. `details` are customer_id and DETAIL_COLUMNS.
    """
    new = NewRun(scores, horizon_days, norms, targets, units, details)
    content = content_hash(scores, horizon_days, targets, units, details)
    with _publish_lock(engine):
        drop_runs(engine, _unfinished_runs(engine))
        run = _find_same_run(engine, content) or _write_run(engine, new, content, identity)
        drop_runs(engine, outdated_runs(engine, keep_weeks, utc_now(), run))
    return run


def content_hash(scores: pl.DataFrame, horizon_days: int, *others: pl.DataFrame | None) -> str:
    """Return a hash of scores, horizon and the other tables; it ignores the order of rows and when they were scored."""
    frames = [scores.drop("scored_at"), *(frame for frame in others if frame is not None)]
    row_hashes = b"".join(np.ascontiguousarray(frame.hash_rows(seed=1).sort().to_numpy()).tobytes() for frame in frames)
    return hashlib.sha256(row_hashes + str(horizon_days).encode()).hexdigest()


@contextmanager
def _publish_lock(engine: sa.Engine) -> Iterator[None]:
    """Let one publisher in at a time; others wait. A killed publisher releases the lock."""
    if engine.dialect.name == "sqlite":
        with FileLock(f"{engine.url.database}.publishing"):
            yield
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("set lock_timeout = 0")
        connection.exec_driver_sql("set statement_timeout = 0")
        connection.execute(sa.select(sa.func.pg_advisory_lock(PUBLISH_LOCK_ID)))
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(PUBLISH_LOCK_ID)))
            connection.invalidate()


def _find_same_run(engine: sa.Engine, content: str) -> Run | None:
    """Return the run with the same content if it is the newest of its date; else None."""
    query = sa.select(*RUN_FIELDS, RUNS.c.content).where(RUNS.c.state == COMPLETE, RUNS.c.content == content)
    with engine.connect() as connection:
        row = connection.execute(query.order_by(*NEWEST_FIRST).limit(1)).one_or_none()
        if row is None:
            return None
        later = sa.select(sa.func.count()).where(RUNS.c.state == COMPLETE, RUNS.c.as_of == row.as_of, RUNS.c.run_id > row.run_id)
        return None if connection.scalar(later) else Run(*row[:-1])


def _write_run(engine: sa.Engine, new: NewRun, content: str, identity: str | None) -> Run:
    stored_only: dict[str, Any] = {"content": content, "state": WRITING, "churn_ranks": pack_ranks(new.scores)}
    stored_only["summary"] = json.dumps(run_summary(new.scores, _run_month_before(engine, new.fields["as_of"])))
    stored_only["norms"] = None if new.norms is None else json.dumps(new.norms.to_json())
    with engine.begin() as connection:
        run_id = connection.execute(RUNS.insert().values(**new.fields, **stored_only).returning(RUNS.c.run_id)).scalar_one()
        frames = dict(zip(run_tables(run_id), (to_store_rows(new.scores), new.targets, new.units, new.details), strict=True))
        written = {table: frame for table, frame in frames.items() if frame is not None}
        for table in written:
            table.create(connection)
    for table, frame in written.items():
        write_rows(engine, table, frame)
    rows = _complete_run(engine, run_id, new, identity)
    return Run(run_id=run_id, **new.fields | {"rows": rows})


def _complete_run(engine: sa.Engine, run_id: int, new: NewRun, identity: str | None) -> int:
    """Make a written run visible, without customers erased in the meantime; return its number of rows."""
    is_run = RUNS.c.run_id == run_id
    with engine.begin() as connection:
        lock_erasures(connection, shared=True)
        connection.execute(RUNS.update().where(is_run).values(state=COMPLETE, published_at=utc_now()))
        erased = [] if identity is None else erased_in(connection, new.scores[CUSTOMER], identity)
        if erased:
            delete_customers(connection, existing_run_tables(connection, [run_id]), erased)
            connection.execute(RUNS.update().where(is_run).values(rows=new.scores.height - len(erased)))
    return new.scores.height - len(erased)


def _run_month_before(engine: sa.Engine, as_of: date) -> tuple[date, pl.DataFrame] | None:
    """Return as-of date, segments and stages of the kept run nearest to a month before.

    None if no kept run is at least two weeks older.
    """
    with engine.connect() as connection:
        older = [run for run in kept_runs(connection) if (as_of - run.as_of).days >= MONTH_DAYS // 2]
        if not older:
            return None
        nearest = min(older, key=lambda run: abs((as_of - run.as_of).days - MONTH_DAYS))
        table = score_table(nearest.run_id)
        schema: dict[str, pl.DataType] = dict.fromkeys((KEY, *MOVE_COLUMNS), pl.String())
        query = sa.select(*(table.c[name] for name in schema))
        return nearest.as_of, read_frame(connection, query, schema)


def to_store_rows(scores: pl.DataFrame) -> pl.DataFrame:
    """Return scores as ROW_COLUMNS by customer_id, with reasons as JSON text."""
    elements = pl.col("reasons").list.eval(pl.element().struct.json_encode()).list.join(",")
    reasons = pl.when(pl.col("reasons").is_not_null()).then(pl.format("[{}]", elements)).alias("reasons")
    return scores.sort("customer_id").select(reasons if name == "reasons" else pl.col(name) for name in ROW_COLUMNS)


def _unfinished_runs(engine: sa.Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.scalars(sa.select(RUNS.c.run_id).where(RUNS.c.state == WRITING)))


def outdated_runs(engine: sa.Engine, keep_weeks: int, now: datetime, newest: Run) -> list[int]:
    """Return the ids of the runs to delete: published more than `keep_weeks` weeks before `now`, and surplus ones of a date.

    Time counts from when a run was published, not from its as-of date, which may be wrong. The run just written (`newest`), the
    current one, and the one that would be current without it stay in any case. Of each as-of date the newest two stay: a reader
    may be using the second newest.
    """
    fields = (RUNS.c.run_id, RUNS.c.as_of, RUNS.c.state, sa.func.coalesce(RUNS.c.published_at, RUNS.c.scored_at))
    query = sa.select(*fields).where(RUNS.c.state != WRITING).order_by(*NEWEST_FIRST)
    with engine.connect() as connection:
        runs = [tuple(row) for row in connection.execute(query)]
    complete = [(run_id, as_of) for run_id, as_of, state, _ in runs if state == COMPLETE]
    first_of_day = {as_of: run_id for run_id, as_of in reversed(complete)}  # in ascending order, the newest run of each date wins
    always_kept = {newest.run_id, *list(first_of_day.values())[-2:]}
    newest_two = {run_id for day in first_of_day for run_id in [run for run, as_of in complete if as_of == day][:2]}
    oldest = now - timedelta(weeks=keep_weeks)
    return [
        run_id
        for run_id, _, state, published_at in runs
        if run_id not in always_kept and (published_at < oldest or (state == COMPLETE and run_id not in newest_two))
    ]


def drop_runs(engine: sa.Engine, run_ids: list[int]) -> None:
    """Delete runs with their tables, each in one transaction, which in SQLite only begins with a change of rows."""
    for run_id in run_ids:
        with engine.begin() as connection:
            connection.execute(RUNS.delete().where(RUNS.c.run_id == run_id))
            for table in run_tables(run_id):
                table.drop(connection, checkfirst=True)
