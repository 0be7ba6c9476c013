"""Erase a customer: out of the store, out of every table below the workspace; and say what is out of reach."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from features.frames.columns import CUSTOMER
from features.labels import labels
from features.storage.files import atomic_path
from features.storage.hashing import NO_IDS, HashedIds, hash_of
from features.storage.paths import good_path
from features.tables.schema import TRANSACTIONS
from serving.privacy.workspace_key import identity_key
from serving.store.audit import record
from serving.store.issued import erase_from_list, lists_naming
from serving.store.schema import RUNS, score_table, target_table
from serving.store.withheld import Withheld, all_withheld, withhold
from settings.sections import Settings, SqlQuery

NAMED_BY = (CUSTOMER, "was_customer_id")
ALSO_NAMED_BY = ("referred_by", "was_referred_by")
TORN = ("broken_quotes", "too_many_cells")  # rows whose cells need not stand in their columns


@dataclass
class Erasure:
    """What was erased: rows per place, and in words what could not be reached. No id is in it."""

    rows: dict[str, int] = field(default_factory=dict)
    lists: int = 0
    out_of_reach: list[str] = field(default_factory=list)


def withheld_by(settings: Settings, engine: sa.Engine, *reasons: Withheld) -> HashedIds:
    """Return the customers who are withheld for any of the reasons, with the key that knows them again."""
    hashes = all_withheld(engine, *reasons)
    return HashedIds(identity_key(settings.secret_path, engine), hashes) if hashes else NO_IDS


def suppress(settings: Settings, engine: sa.Engine, customer_id: str, now: datetime, client: str) -> bool:
    """Withhold a customer who objects to marketing, from now on; return whether that is new. Audited each time."""
    customer_hash = hash_of(customer_id, identity_key(settings.secret_path, engine))
    with engine.begin() as connection:
        new = withhold(connection, customer_hash, Withheld.SUPPRESSED, now)
        record(connection, client, "suppressed", now, customer_hash)
    return new


def erase(settings: Settings, engine: sa.Engine, customer_id: str, now: datetime, client: str) -> Erasure:
    """Erase a customer; may be said again, and completes what a crash left half done.

    First a keyed hash is kept, so that nobody is answered or loaded under the id any more; then the rows go. A list that was
    issued keeps its row without the id, with its arm and what came of it so far. Audited each time.
    """
    customer_hash = hash_of(customer_id, identity_key(settings.secret_path, engine))
    with engine.begin() as connection:
        withhold(connection, customer_hash, Withheld.ERASED, now)
        record(connection, client, "erased", now, customer_hash)
    erasure = Erasure()
    _from_lists(settings, engine, customer_id, now.date(), erasure)
    _from_runs(engine, customer_id, erasure)
    for path in _tables_below(settings.workspace.path):
        gone = _from_file(path, customer_id)
        if gone:
            erasure.rows[str(path.relative_to(settings.workspace.path))] = gone
        if gone and path.suffix == ".parquet":
            _without_workbook(path, settings.workspace.path, erasure)
    erasure.out_of_reach = _out_of_reach(settings, engine)
    return erasure


def _without_workbook(path: Path, workspace: Path, erasure: Erasure) -> None:
    """Delete the workbook of a list beside its Parquet file: `run` and the page make it anew."""
    workbook = path.with_suffix(".xlsx")
    if workbook.is_file():
        workbook.unlink()
        erasure.rows[f"{workbook.relative_to(workspace)} (deleted)"] = 1


def _from_lists(settings: Settings, engine: sa.Engine, customer_id: str, today: date, erasure: Erasure) -> None:
    with engine.begin() as connection:
        for list_id, start, days in lists_naming(connection, customer_id):
            until = min(start + timedelta(days=days), today)
            erase_from_list(connection, list_id, customer_id, _outcome(settings.workspace.path, customer_id, start, until))
            erasure.lists += 1


def _outcome(workspace: Path, customer_id: str, start: date, until: date) -> dict[str, Any]:
    """Orders and spend from a list's day on, as far as its window and the orders below the workspace tell."""
    path = good_path(workspace, TRANSACTIONS.name)
    if not path.is_file() or until <= start:
        return {}
    own = pl.scan_parquet(path, glob=False).filter(pl.col(CUSTOMER) == customer_id)
    found = labels(own, start, (until - start).days).collect()
    orders, spend = found.row(0)[1:] if found.height else (0, 0.0)
    return {"outcome_orders": orders, "outcome_spend": spend, "outcome_until": until}


def _from_runs(engine: sa.Engine, customer_id: str, erasure: Erasure) -> None:
    with engine.begin() as connection:
        for run_id in connection.scalars(sa.select(RUNS.c.run_id)).all():
            table = score_table(run_id)
            gone = connection.execute(table.delete().where(table.c.customer_id == customer_id)).rowcount
            erasure.rows["scores"] = erasure.rows.get("scores", 0) + gone
            targets = target_table(run_id)
            if sa.inspect(connection).has_table(targets.name):
                connection.execute(targets.delete().where(targets.c.customer_id == customer_id))


def _tables_below(workspace: Path) -> Iterator[Path]:
    """Every file below the workspace that holds rows: tables, quarantine, releases, features, scores, lists."""
    for path in sorted(workspace.rglob("*")):
        if path.suffix in {".parquet", ".csv"} and path.is_file() and not path.name.startswith("."):
            yield path


def _from_file(path: Path, customer_id: str) -> int:
    """Take a customer's rows out of a file, and the id out of others' rows; return how many rows were touched."""
    rows = pl.scan_parquet(path, glob=False) if path.suffix == ".parquet" else pl.scan_csv(path, infer_schema=False, glob=False)
    columns = rows.collect_schema()
    texts = [name for name, dtype in columns.items() if dtype == pl.String]
    own = [_is(name, customer_id) for name in NAMED_BY if name in texts]
    if {"rule", "row_key"} <= set(texts):
        own += [_is(name, customer_id) for name in texts] + [_torn(name, customer_id) for name in texts]
    also = [name for name in ALSO_NAMED_BY if name in texts]
    touched = pl.any_horizontal(*own, *(_is(name, customer_id) for name in also)) if own or also else pl.lit(value=False)
    count = int(rows.select(touched.sum()).collect(engine="streaming").item())
    if count:
        left = rows.filter(~pl.any_horizontal(own)) if own else rows
        cleared = left.with_columns(pl.when(~_is(name, customer_id)).then(name).alias(name) for name in also)
        with atomic_path(path) as beside:
            if path.suffix == ".parquet":
                cleared.sink_parquet(beside, compression="lz4")
            else:
                cleared.sink_csv(beside)
    return count


def _is(column: str, customer_id: str) -> pl.Expr:
    """Whether a cell is the id, with white space around it as sources may have it, or made safe for spreadsheets."""
    cell = pl.col(column).str.strip_chars()
    return ((cell == customer_id) | (cell == f"'{customer_id}")).fill_null(value=False)


def _torn(column: str, customer_id: str) -> pl.Expr:
    """Whether a cell of a torn row of the quarantine has the id in it as a word."""
    word = rf"(^|[^\w]){re.escape(customer_id)}($|[^\w])"
    return (pl.col("rule").is_in(TORN) & pl.col(column).str.contains(word)).fill_null(value=False)


def _out_of_reach(settings: Settings, engine: sa.Engine) -> list[str]:
    """Say what may hold the customer still and cannot be changed from here."""
    said = [f"The source of {name} ({_kind(source)}): erase the customer there too." for name, source in _sources(settings)]
    if not (settings.workspace.path / "tables").is_dir():
        said.append("The tables below the workspace: they are not on this machine; run `forget` where the tables are loaded.")
    if any(settings.workspace.path.rglob("*.xlsx")):
        said.append("Workbooks (.xlsx) below the workspace: make them anew or delete them.")
    said.append("Files written elsewhere with --out, lists downloaded before, and backups of the store and the workspace.")
    if engine.dialect.name == "postgresql":
        said.append("Row versions that PostgreSQL keeps until it next vacuums, and its archived log.")
    return said


def _sources(settings: Settings) -> list[tuple[str, str | SqlQuery]]:
    found = vars(settings.tables)
    return [(name, source) for name, source in found.items() if source is not None]


def _kind(source: str | SqlQuery) -> str:
    return "a query" if isinstance(source, SqlQuery) else f"file {Path(source).name}"
