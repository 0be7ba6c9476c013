"""Store an issued list, or make one that was issued before count again."""

from dataclasses import replace
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from features.frames.columns import CUSTOMER
from serving.store.audit import add_audit_entry, list_accesses
from serving.store.erasure import erased_in, lock_erasures
from serving.store.lists.issued import IssuedList, select_lists
from serving.store.lists.precedence import by_precedence
from serving.store.lists.rows import erase_from_list
from serving.store.schema import LIST_ROWS, LISTS, UNIT_LINKS

INSERT_ROWS = 5_000


def store_list(
    engine: sa.Engine,
    issued: IssuedList,
    frame: pl.DataFrame,
    links: pl.DataFrame | None = None,
    identity: str | None = None,
) -> None:
    """Store a list and its rows (LIST_COLUMNS and EXPECTED_COLUMNS) in one transaction.

    `links` has the rank and link of whatever belongs to the unit of a row (`serving.targeting.units.links_of_rows`). With
    `identity`, the key of the store's hashes, the rows of customers who were erased since the plan lose their id. Raises
    IntegrityError if the list id exists already.
    """
    fields = {name: getattr(issued, name) for name in IssuedList.__dataclass_fields__}
    with engine.begin() as connection:
        lock_erasures(connection, shared=True)
        note = _mark_acted_on(connection, issued)
        connection.execute(LISTS.insert().values(**fields))
        add_audit_entry(connection, issued.issued_by, "list issued", issued.issued_at, issued.list_id, frame.height, note)
        for chunk in frame.iter_slices(INSERT_ROWS):
            connection.execute(LIST_ROWS.insert(), chunk.to_dicts())
        if links is not None:
            for chunk in links.with_columns(pl.lit(issued.list_id).alias("list_id")).iter_slices(INSERT_ROWS):
                connection.execute(UNIT_LINKS.insert(), chunk.to_dicts())
        for customer_id in [] if identity is None else erased_in(connection, frame[CUSTOMER], identity):
            erase_from_list(connection, issued.list_id, customer_id, {})


def issue_again(
    engine: sa.Engine, issued: IssuedList, order: int, client: str, now: datetime, reason: str | None = None
) -> IssuedList:
    """Make a list that was issued before the one that counts in its week, and return it."""
    with engine.begin() as connection:
        note = "; ".join(filter(None, (_mark_acted_on(connection, issued), reason))) or None
        connection.execute(LISTS.update().where(LISTS.c.list_id == issued.list_id).values(issue_order=order))
        add_audit_entry(connection, client, "list issued again", now, issued.list_id, issued.rows, note)
    return replace(issued, issue_order=order)


def _mark_acted_on(connection: sa.Connection, successor: IssuedList) -> str | None:
    """Note on the list that `successor` replaces when it was last read or downloaded, and return which it replaces, if any."""
    replaced = next(iter(by_precedence(select_lists(connection, successor.kind, successor.week))), None)
    if replaced is None or successor.row_limit is not None or replaced.list_id == successor.list_id:
        return None
    accesses = list_accesses(connection, replaced.list_id)
    if accesses and replaced.row_limit is None:
        acted_on_at = max(access.at for access in accesses)
        connection.execute(LISTS.update().where(LISTS.c.list_id == replaced.list_id).values(acted_on_at=acted_on_at))
    return f"replaces {replaced.list_id}"
