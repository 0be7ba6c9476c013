"""Publish a run: written beside the others, and made current in one step."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import sqlalchemy as sa
from filelock import FileLock

from features.norms import Norms
from serving.store.bulk import write_rows
from serving.store.ranks import packed_ranks
from serving.store.read import read_frame
from serving.store.run_summary import KEY, MONTH_DAYS, MOVED, run_summary
from serving.store.runs import ABOUT, NEWEST_FIRST, Run, kept_runs
from serving.store.schema import COMPLETE, ROW_COLUMNS, RUN_COLUMNS, RUNS, WRITING, score_table, target_table

PUBLISHING = 0x70756273  # the number of the lock that a publisher holds in PostgreSQL
DEFAULT_KEEP_WEEKS = 13


def publish(
    engine: sa.Engine,
    scores: pl.DataFrame,
    horizon_days: int,
    norms: Norms | None = None,
    keep_weeks: int = DEFAULT_KEEP_WEEKS,
    targets: pl.DataFrame | None = None,
) -> Run:
    """Write a run of SCORE_COLUMNS and make it current if no run has a newer as-of date; return it.

    Readers see all of it or none. The very scores that are published already for that date are not written again. What an
    interrupted publication left is removed first; runs from more than `keep_weeks` weeks before the newest one go at the end,
    and so do older runs of a date that has two newer ones. `norms` are what live scores are compared with.
    """
    content = content_of(scores, horizon_days, targets)
    with _alone(engine):
        _drop(engine, _unfinished(engine))
        run = _published(engine, content) or _write(engine, scores, horizon_days, content, norms, targets)
        _drop(engine, _outdated(engine, keep_weeks))
    return run


def content_of(scores: pl.DataFrame, horizon_days: int, targets: pl.DataFrame | None = None) -> str:
    """Return a number that two runs share if they say the same, whenever they were made."""
    told = [scores.drop("scored_at"), *([] if targets is None else [targets])]
    rows = b"".join(np.ascontiguousarray(each.hash_rows(seed=1).sort().to_numpy()).tobytes() for each in told)
    return hashlib.sha256(rows + str(horizon_days).encode()).hexdigest()


@contextmanager
def _alone(engine: sa.Engine) -> Iterator[None]:
    """One publisher at a time; others wait. A killed one holds nothing."""
    if engine.dialect.name == "sqlite":
        with FileLock(f"{engine.url.database}.publishing"):
            yield
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("set lock_timeout = 0")
        connection.exec_driver_sql("set statement_timeout = 0")
        connection.execute(sa.select(sa.func.pg_advisory_lock(PUBLISHING)))
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(PUBLISHING)))
            connection.invalidate()


def _published(engine: sa.Engine, content: str) -> Run | None:
    """The newest run of its date, where it says the same; else None."""
    same = sa.select(*ABOUT, RUNS.c.content).where(RUNS.c.state == COMPLETE, RUNS.c.content == content)
    with engine.connect() as connection:
        row = connection.execute(same.order_by(*NEWEST_FIRST).limit(1)).one_or_none()
        if row is None:
            return None
        later = sa.select(sa.func.count()).where(RUNS.c.state == COMPLETE, RUNS.c.as_of == row.as_of, RUNS.c.run_id > row.run_id)
        return None if connection.scalar(later) else Run(*row[:-1])


def _write(
    engine: sa.Engine, scores: pl.DataFrame, horizon_days: int, content: str, norms: Norms | None, targets: pl.DataFrame | None
) -> Run:
    first = scores.row(0, named=True)
    about: dict[str, Any] = {name: first[name] for name in RUN_COLUMNS} | {"horizon_days": horizon_days, "rows": scores.height}
    own: dict[str, Any] = {"content": content, "state": WRITING, "churn_ranks": packed_ranks(scores)}
    own["summary"] = json.dumps(run_summary(scores, _month_before(engine, about["as_of"])))
    own["norms"] = None if norms is None else json.dumps(norms.to_json())
    with engine.begin() as connection:
        run_id = connection.execute(RUNS.insert().values(**about, **own).returning(RUNS.c.run_id)).scalar_one()
        score_table(run_id).create(connection)
        if targets is not None:
            target_table(run_id).create(connection)
    write_rows(engine, score_table(run_id), flat(scores))
    if targets is not None:
        write_rows(engine, target_table(run_id), targets)
    with engine.begin() as connection:
        done = {"state": COMPLETE, "published_at": datetime.now(UTC).replace(tzinfo=None)}
        connection.execute(RUNS.update().where(RUNS.c.run_id == run_id).values(**done))
    return Run(run_id=run_id, **about)


def _month_before(engine: sa.Engine, as_of: date) -> tuple[date, pl.DataFrame] | None:
    """What the kept run nearest to a month before said of segments and stages; None where none is two weeks older or more."""
    with engine.connect() as connection:
        older = [run for run in kept_runs(connection) if (as_of - run.as_of).days >= MONTH_DAYS // 2]
        if not older:
            return None
        nearest = min(older, key=lambda run: abs((as_of - run.as_of).days - MONTH_DAYS))
        table = score_table(nearest.run_id)
        schema: dict[str, pl.DataType] = dict.fromkeys((KEY, *MOVED), pl.String())
        wanted = sa.select(*(table.c[name] for name in schema))
        return nearest.as_of, read_frame(connection, wanted, schema)


def flat(scores: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of a run's table in its order; reasons become JSON text."""
    said = pl.col("reasons").list.eval(pl.element().struct.json_encode()).list.join(",")
    text = pl.when(pl.col("reasons").is_not_null()).then(pl.format("[{}]", said)).alias("reasons")
    return scores.sort("customer_id").select(text if name == "reasons" else pl.col(name) for name in ROW_COLUMNS)


def _unfinished(engine: sa.Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.scalars(sa.select(RUNS.c.run_id).where(RUNS.c.state == WRITING)))


def _outdated(engine: sa.Engine, keep_weeks: int) -> list[int]:
    """Runs that nobody reads any more. The run before the newest of a date stays: a reader may just be at it."""
    with engine.connect() as connection:
        runs = connection.execute(sa.select(RUNS.c.run_id, RUNS.c.as_of).where(RUNS.c.state == COMPLETE)).all()
    if not runs:
        return []
    first = max(run.as_of for run in runs) - timedelta(weeks=keep_weeks)
    newest_two = {day: sorted(run.run_id for run in runs if run.as_of == day)[-2:] for day in {run.as_of for run in runs}}
    return [run.run_id for run in runs if run.as_of < first or run.run_id not in newest_two[run.as_of]]


def _drop(engine: sa.Engine, run_ids: list[int]) -> None:
    for run_id in run_ids:
        with engine.begin() as connection:
            for table in (score_table(run_id), target_table(run_id)):
                table.drop(connection, checkfirst=True)
            connection.execute(RUNS.delete().where(RUNS.c.run_id == run_id))
