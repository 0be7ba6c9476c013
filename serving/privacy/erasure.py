"""Erase customers from the store and from every table in the workspace, and report what is out of reach."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from features.cancelled_orders import net_of_returns
from features.frames.columns import CUSTOMER
from features.labels import labels
from features.point_in_time import known_before
from features.storage.hashing import HashedIds, hash_text
from features.storage.paths import good_path
from features.storage.workspace_lock import read_holder, try_workspace_lock
from features.tables.schema import TRANSACTIONS, Tables
from serving.privacy.erased_files import erase_from_files
from serving.privacy.erased_rows import ErasedCustomers
from serving.privacy.merged_ids import ids_of
from serving.privacy.objections import record_withheld
from serving.privacy.workspace_key import identity_key
from serving.store.erasure import delete_from_runs, discard_deleted_rows, mark_removed, pending_erasures, stored_ids
from serving.store.lists.of_customers import lists_with_customer
from serving.store.lists.rows import erase_from_list
from serving.store.withheld import Withheld
from settings.sections import FileSource, Settings, Source, SqlQuery

LOG_IN_USE = "the write-ahead log of the store, which a reader keeps open"
SPACE_OF_TABLES = "the free space of the store's tables, which this database role may not vacuum: the next weekly job does"


@dataclass
class Erasure:
    """What was erased, without the id.

    `rows` has the number of rows by place, `lists` that of list rows that lost their id. `unreached` says what may still hold
    rows of the customer in the workspace and is not erased yet, `out_of_reach` what cannot be changed from here at all.
    """

    rows: dict[str, int] = field(default_factory=dict)
    lists: int = 0
    unreached: list[str] = field(default_factory=list)
    out_of_reach: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether no row is left in the store and the workspace."""
        return not self.unreached


def erase(
    settings: Settings, engine: sa.Engine, customer_id: str, now: datetime, client: str, *, holds_lock: bool = False
) -> Erasure:
    """Erase a customer, with all ids of a merged one. Every call is audited.

    Safe to repeat: a second call completes an interrupted one.

    First a keyed hash of the id is stored, so that from then on the id is neither answered, published nor loaded. Then the rows
    are deleted: those of the store immediately, those of files by whoever holds the lock of the workspace. `holds_lock` says that
    the caller does; otherwise, if a command is running, the rows of files go at its end (`complete_erasures`). An issued list
    keeps its row without the id, with its arm and the outcome so far.
    """
    ids = ids_of(settings, customer_id)
    for each in ids:
        record_withheld(settings, engine, each, Withheld.ERASED, now, client)
    identity = identity_key(settings.secret_path, engine)
    erasure = Erasure()
    _erase_from_store(settings, engine, ids, now.date(), erasure)
    _discard_deleted_rows(engine, ids, erasure)
    customers = ErasedCustomers(HashedIds(identity, [hash_text(each, identity) for each in ids]), tuple(ids))
    if holds_lock:
        _finish(settings, engine, customers, now, erasure)
    else:
        with try_workspace_lock(settings.workspace.path, "DELETE /customers") as is_free:
            if is_free:
                _finish(settings, engine, customers, now, erasure)
            else:
                holder = read_holder(settings.workspace.path)
                erasure.unreached.append(f"the files of the workspace, while {holder} is running: its end erases them")
    erasure.out_of_reach = _out_of_reach(settings, engine)
    return erasure


def complete_erasures(settings: Settings, engine: sa.Engine, now: datetime) -> list[str]:
    """Remove what is left of erased customers, and return what could not be reached; the caller holds the workspace's lock.

    Every command that writes rows ends with this, because an erasure may have come while it was running. So does one that follows
    an interrupted erasure, or the restoration of a backup.
    """
    pending = pending_erasures(engine)
    if not pending:
        return []
    erased, erasure = HashedIds(identity_key(settings.secret_path, engine), pending), Erasure()
    _erase_from_store(settings, engine, stored_ids(engine, erased), now.date(), erasure)
    _discard_deleted_rows(engine, None, erasure)
    _finish(settings, engine, ErasedCustomers(erased), now, erasure)
    return erasure.unreached


def _finish(settings: Settings, engine: sa.Engine, customers: ErasedCustomers, now: datetime, erasure: Erasure) -> None:
    """Remove the rows from the files, and record the erasure as complete if everything was reached.

    On a machine that serves without the tables it stays open for the machine that loads them.
    """
    files = erase_from_files(settings.workspace.path, customers)
    erasure.rows |= files.rows
    erasure.unreached += files.unreached
    if erasure.complete and (settings.workspace.path / "tables").is_dir():
        mark_removed(engine, list(customers.hashes.hashes), now)


def _erase_from_store(settings: Settings, engine: sa.Engine, ids: Sequence[str], today: date, erasure: Erasure) -> None:
    _erase_from_lists(settings, engine, ids, today, erasure)
    _erase_from_runs(engine, ids, erasure)


def _discard_deleted_rows(engine: sa.Engine, ids: Sequence[str] | None, erasure: Erasure) -> None:
    if not discard_deleted_rows(engine, ids):
        erasure.unreached.append(SPACE_OF_TABLES if engine.dialect.name == "postgresql" else LOG_IN_USE)


def _erase_from_lists(settings: Settings, engine: sa.Engine, ids: Sequence[str], today: date, erasure: Erasure) -> None:
    for customer_id in ids:
        with engine.begin() as connection:
            for list_id, start, days in lists_with_customer(connection, customer_id):
                until = min(start + timedelta(days=days), today)
                outcome = _outcome(settings, customer_id, start, until)
                erase_from_list(connection, list_id, customer_id, outcome)
                erasure.lists += 1


def _outcome(settings: Settings, customer_id: str, start: date, until: date) -> dict[str, Any]:
    """Return orders and spend in [start, until) from the orders in the workspace; empty if there are none or no such days."""
    path = good_path(settings.workspace.path, TRANSACTIONS.name)
    if not path.is_file() or until <= start:
        return {}
    own = pl.scan_parquet(path, glob=False).filter(pl.col(CUSTOMER) == customer_id)
    try:
        known = known_before(net_of_returns(Tables(own), settings.purchases), until).transactions
        outcome = labels(known, start, (until - start).days).collect()
    except (OSError, pl.exceptions.PolarsError):  # a damaged file, which the erasure from the files names
        return {}
    orders, spend = outcome.row(0)[1:] if outcome.height else (0, 0.0)
    return {"outcome_orders": orders, "outcome_spend": spend, "outcome_until": until}


def _erase_from_runs(engine: sa.Engine, ids: Sequence[str], erasure: Erasure) -> None:
    erasure.rows["scores"] = delete_from_runs(engine, ids)


def _out_of_reach(settings: Settings, engine: sa.Engine) -> list[str]:
    """Return sentences on what may still hold the customer and cannot be changed from here."""
    sentences = [
        f"The source of {name} ({_source_description(source)}): erase the customer there too."
        for name, source in vars(settings.tables).items()
        if source is not None
    ]
    if not (settings.workspace.path / "tables").is_dir():
        sentences.append("The tables of the workspace are not on this machine: run `forget` where the tables are loaded.")
    sentences.append("Files written elsewhere with --out, lists downloaded earlier, and backups of the store and the workspace.")
    if engine.dialect.name == "postgresql":
        sentences.append(
            "The write-ahead log that PostgreSQL keeps or archives, and the free space of its pages until new rows fill it: "
            "the tables were vacuumed; `vacuum full` rewrites them, for which it locks them."
        )
    return sentences


def _source_description(source: Source) -> str:
    if isinstance(source, SqlQuery):
        return "a query"
    joined = source.join if isinstance(source, FileSource) else ()
    names = [source.file if isinstance(source, FileSource) else source, *(other.file for other in joined)]
    return f"file {', joined with '.join(Path(name).name for name in names)}"
