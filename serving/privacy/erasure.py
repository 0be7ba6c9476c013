"""Erase a customer from the store and from every table in the workspace, and report what is out of reach."""

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
from features.storage.hashing import NO_IDS, HashedIds, hash_text
from features.storage.paths import good_path
from features.tables.schema import TRANSACTIONS
from serving.privacy.workspace_key import identity_key
from serving.store.audit import add_audit_entry
from serving.store.erasure import delete_scores
from serving.store.issued import erase_from_list, lists_with_customer
from serving.store.withheld import Withheld, withheld_hashes, withhold
from settings.sections import Settings, SqlQuery

ID_COLUMNS = (CUSTOMER, "was_customer_id")
REFERRER_COLUMNS = ("referred_by", "was_referred_by")
TORN_ROW_RULES = ("broken_quotes", "too_many_cells")  # cells of such rows may be in the wrong columns


@dataclass
class Erasure:
    """What was erased, without the id: number of rows by place, number of lists, and sentences on what is out of reach."""

    rows: dict[str, int] = field(default_factory=dict)
    lists: int = 0
    out_of_reach: list[str] = field(default_factory=list)


def withheld_ids(settings: Settings, engine: sa.Engine, *reasons: Withheld) -> HashedIds:
    """Return the customers who are withheld for any of the reasons, as hashed ids with their key."""
    hashes = withheld_hashes(engine, *reasons)
    return HashedIds(identity_key(settings.secret_path, engine), hashes) if hashes else NO_IDS


def suppress(settings: Settings, engine: sa.Engine, customer_id: str, now: datetime, client: str) -> bool:
    """Withhold a customer who objects to marketing; return whether the objection is new. Every call is audited."""
    customer_hash = hash_text(customer_id, identity_key(settings.secret_path, engine))
    with engine.begin() as connection:
        is_new = withhold(connection, customer_hash, Withheld.SUPPRESSED, now)
        add_audit_entry(connection, client, "suppressed", now, customer_hash)
    return is_new


def erase(settings: Settings, engine: sa.Engine, customer_id: str, now: datetime, client: str) -> Erasure:
    """Erase a customer. Safe to repeat: a second call completes an interrupted one. Every call is audited.

    First a keyed hash of the id is stored, so that the id is no longer answered or loaded; then the rows are deleted. An issued
    list keeps its row without the id, with its arm and the outcome so far.
    """
    customer_hash = hash_text(customer_id, identity_key(settings.secret_path, engine))
    with engine.begin() as connection:
        withhold(connection, customer_hash, Withheld.ERASED, now)
        add_audit_entry(connection, client, "erased", now, customer_hash)
    erasure = Erasure()
    _erase_from_lists(settings, engine, customer_id, now.date(), erasure)
    _erase_from_runs(engine, customer_id, erasure)
    _erase_from_files(settings.workspace.path, customer_id, erasure)
    erasure.out_of_reach = _out_of_reach(settings, engine)
    return erasure


def _erase_from_lists(settings: Settings, engine: sa.Engine, customer_id: str, today: date, erasure: Erasure) -> None:
    with engine.begin() as connection:
        for list_id, start, days in lists_with_customer(connection, customer_id):
            until = min(start + timedelta(days=days), today)
            erase_from_list(connection, list_id, customer_id, _outcome(settings.workspace.path, customer_id, start, until))
            erasure.lists += 1


def _outcome(workspace: Path, customer_id: str, start: date, until: date) -> dict[str, Any]:
    """Return orders and spend in [start, until) from the orders in the workspace; empty if there are none or no such days."""
    path = good_path(workspace, TRANSACTIONS.name)
    if not path.is_file() or until <= start:
        return {}
    own = pl.scan_parquet(path, glob=False).filter(pl.col(CUSTOMER) == customer_id)
    outcome = labels(own, start, (until - start).days).collect()
    orders, spend = outcome.row(0)[1:] if outcome.height else (0, 0.0)
    return {"outcome_orders": orders, "outcome_spend": spend, "outcome_until": until}


def _erase_from_runs(engine: sa.Engine, customer_id: str, erasure: Erasure) -> None:
    erasure.rows["scores"] = delete_scores(engine, customer_id)


def _erase_from_files(workspace: Path, customer_id: str, erasure: Erasure) -> None:
    for path in _table_files(workspace):
        rows = _erase_from_file(path, customer_id)
        if rows:
            erasure.rows[str(path.relative_to(workspace))] = rows
        if rows and path.suffix == ".parquet":
            _delete_workbook(path, workspace, erasure)


def _delete_workbook(path: Path, workspace: Path, erasure: Erasure) -> None:
    """Delete the workbook of a list beside its Parquet file; `run` and the page write it again."""
    workbook = path.with_suffix(".xlsx")
    if workbook.is_file():
        workbook.unlink()
        erasure.rows[f"{workbook.relative_to(workspace)} (deleted)"] = 1


def _table_files(workspace: Path) -> Iterator[Path]:
    """Yield every file with rows in the workspace: tables, quarantine, releases, features, scores, lists."""
    for path in sorted(workspace.rglob("*")):
        if path.suffix in {".parquet", ".csv"} and path.is_file() and not path.name.startswith("."):
            yield path


def _erase_from_file(path: Path, customer_id: str) -> int:
    """Delete a customer's rows from a file, and the id from other customers' rows; return the number of rows changed."""
    rows = pl.scan_parquet(path, glob=False) if path.suffix == ".parquet" else pl.scan_csv(path, infer_schema=False, glob=False)
    text_columns = [name for name, dtype in rows.collect_schema().items() if dtype == pl.String]
    own = [_is_id(name, customer_id) for name in ID_COLUMNS if name in text_columns]
    if {"rule", "row_key"} <= set(text_columns):  # a quarantine file, whose ids may be in any column
        own += [_is_id(name, customer_id) for name in text_columns] + [_has_torn_id(name, customer_id) for name in text_columns]
    referrers = [name for name in REFERRER_COLUMNS if name in text_columns]
    matches = [*own, *(_is_id(name, customer_id) for name in referrers)]
    is_changed = pl.any_horizontal(*matches) if matches else pl.lit(value=False)
    count = int(rows.select(is_changed.sum()).collect(engine="streaming").item())
    if count:
        kept = rows.filter(~pl.any_horizontal(own)) if own else rows
        cleared = kept.with_columns(pl.when(~_is_id(name, customer_id)).then(name).alias(name) for name in referrers)
        with atomic_path(path) as temporary:
            if path.suffix == ".parquet":
                cleared.sink_parquet(temporary, compression="lz4")
            else:
                cleared.sink_csv(temporary)
    return count


def _is_id(column: str, customer_id: str) -> pl.Expr:
    """Return whether a cell is the id; surrounding white space and a spreadsheet's apostrophe do not matter."""
    cell = pl.col(column).str.strip_chars()
    return ((cell == customer_id) | (cell == f"'{customer_id}")).fill_null(value=False)


def _has_torn_id(column: str, customer_id: str) -> pl.Expr:
    """Return whether a cell of a torn row in the quarantine contains the id as a word."""
    word = rf"(^|[^\w]){re.escape(customer_id)}($|[^\w])"
    return (pl.col("rule").is_in(TORN_ROW_RULES) & pl.col(column).str.contains(word)).fill_null(value=False)


def _out_of_reach(settings: Settings, engine: sa.Engine) -> list[str]:
    """Return sentences on what may still hold the customer and cannot be changed from here."""
    sentences = [
        f"The source of {name} ({_source_description(source)}): erase the customer there too."
        for name, source in vars(settings.tables).items()
        if source is not None
    ]
    if not (settings.workspace.path / "tables").is_dir():
        sentences.append("The tables of the workspace are not on this machine: run `forget` where the tables are loaded.")
    if any(settings.workspace.path.rglob("*.xlsx")):
        sentences.append("Workbooks (.xlsx) in the workspace: write them again or delete them.")
    sentences.append("Files written elsewhere with --out, lists downloaded earlier, and backups of the store and the workspace.")
    if engine.dialect.name == "postgresql":
        sentences.append("Row versions that PostgreSQL keeps until its next vacuum, and its archived write-ahead log.")
    return sentences


def _source_description(source: str | SqlQuery) -> str:
    return "a query" if isinstance(source, SqlQuery) else f"file {Path(source).name}"
