"""The score store: runs and their scores in SQLite or PostgreSQL, through SQLAlchemy Core."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from serving.score_columns import SCORE_COLUMNS
from settings.errors import UserError, first_line

BATCH = 5_000
SQL_TYPES: dict[type[pl.DataType], type[sa.types.TypeEngine[Any]]] = {
    pl.String: sa.Text,
    pl.Float64: sa.Double,
    pl.Int64: sa.BigInteger,
    pl.Date: sa.Date,
    pl.Datetime: sa.DateTime,
    pl.List: sa.Text,
}
RUN_COLUMNS = ("as_of", "scored_at", "model_version")

METADATA = sa.MetaData()
RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("run_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("as_of", sa.Date, nullable=False),
    sa.Column("scored_at", sa.DateTime, nullable=False),
    sa.Column("model_version", sa.Text, nullable=False),
    sa.Column("horizon_days", sa.Integer, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
)
SCORES = sa.Table(
    "scores",
    METADATA,
    sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.run_id"), primary_key=True),
    sa.Column("customer_id", sa.Text, primary_key=True),
    *(
        sa.Column(name, SQL_TYPES[type(dtype)])
        for name, dtype in SCORE_COLUMNS.items()
        if name not in {"customer_id", *RUN_COLUMNS}
    ),
)


class NoRun(UserError):  # noqa: N818  # it names the state of the store, as the documentation does
    """No scoring run has been published yet."""


class StoreUnusable(UserError):  # noqa: N818  # likewise
    """The score store cannot be opened; the text says what the database said."""


@dataclass(frozen=True)
class Run:
    """A published run: as of when, when it was made, and by which champion.

    `horizon_days` is how far its p_churn looks ahead, `rows` how many customers it has.
    """

    run_id: int
    as_of: date
    scored_at: datetime
    model_version: str
    horizon_days: int
    rows: int


def open_store(url: str) -> sa.Engine:
    """Return an engine on the store, with its tables in place; SQLite in write-ahead mode. Raises StoreUnusable."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(parsed, pool_pre_ping=True)
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine, "connect", _write_ahead)
        METADATA.create_all(engine)
    except (SQLAlchemyError, ModuleNotFoundError) as error:
        raise StoreUnusable(f"The score store of [serving] cannot be opened: {first_line(error)}.") from None
    return engine


def publish(engine: sa.Engine, scores: pl.DataFrame, horizon_days: int) -> Run:
    """Write a run of SCORE_COLUMNS in one transaction: readers see all of it or none."""
    first = scores.row(0, named=True)
    about = {name: first[name] for name in RUN_COLUMNS} | {"horizon_days": horizon_days, "rows": scores.height}
    with engine.begin() as connection:
        run_id = connection.execute(RUNS.insert().values(**about).returning(RUNS.c.run_id)).scalar_one()
        for batch in _flat(scores).iter_slices(BATCH):
            connection.execute(SCORES.insert(), [{"run_id": run_id, **row} for row in batch.to_dicts()])
    return Run(run_id=run_id, **about)


def current_run(connection: sa.Connection) -> Run:
    """Return the run with the newest as-of date, and of several the newest made. Raises NoRun before the first."""
    newest = sa.select(RUNS).order_by(RUNS.c.as_of.desc(), RUNS.c.run_id.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    if row is None:
        raise NoRun("No scores have been published yet; run `score` first.")
    return Run(**row._mapping)  # noqa: SLF001  # SQLAlchemy's documented way to a mapping


def find_scores(engine: sa.Engine, customer_ids: Sequence[str]) -> tuple[Run, dict[str, dict[str, Any]]]:
    """Return the current run and the score of each known id in it, all read in one transaction."""
    with engine.connect() as connection:
        run = current_run(connection)
        wanted = sa.select(SCORES).where(SCORES.c.run_id == run.run_id, SCORES.c.customer_id.in_(customer_ids))
        rows = connection.execute(wanted).mappings().all()
    return run, {row["customer_id"]: _full(run, dict(row)) for row in rows}


def read_actions(engine: sa.Engine, actions: Sequence[str]) -> tuple[Run, pl.DataFrame]:
    """Return the current run and its scores with one of these actions, as SCORE_COLUMNS."""
    with engine.connect() as connection:
        run = current_run(connection)
        wanted = sa.select(SCORES).where(SCORES.c.run_id == run.run_id, SCORES.c.action.in_(actions))
        rows = [_full(run, dict(row)) for row in connection.execute(wanted).mappings()]
    return run, pl.DataFrame(rows, schema=SCORE_COLUMNS)


def actions_in(engine: sa.Engine) -> list[str]:
    """Return the actions that the current run chose for anybody."""
    with engine.connect() as connection:
        run = current_run(connection)
        return list(connection.scalars(sa.select(SCORES.c.action).where(SCORES.c.run_id == run.run_id).distinct()))


def _flat(scores: pl.DataFrame) -> pl.DataFrame:
    """Reasons become JSON text, the columns of the run go to the run."""
    said = [None if value is None else json.dumps(value, ensure_ascii=False) for value in scores["reasons"].to_list()]
    return scores.with_columns(pl.Series("reasons", said, dtype=pl.String)).drop(RUN_COLUMNS)


def _full(run: Run, row: dict[str, Any]) -> dict[str, Any]:
    about = {name: getattr(run, name) for name in RUN_COLUMNS}
    said = {"reasons": json.loads(row["reasons"]) if row["reasons"] else None}
    known = row | about | said
    return {name: known[name] for name in SCORE_COLUMNS}


def _write_ahead(connection: Any, _record: Any) -> None:  # noqa: ANN401  # the driver's own types
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA busy_timeout=10000")
