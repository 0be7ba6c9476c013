"""Objections in the store: the register of them, many at a time, and the lifting of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from serving.store.engine import autocommit
from serving.store.schema import AUDIT, WITHHELD
from serving.store.withheld import Withheld


@dataclass(frozen=True)
class Objection:
    """An objection: the customer's keyed hash, since when, who recorded it last, and the reason if one was given."""

    customer_hash: str
    since: datetime
    source: str | None
    reason: str | None


def read_objections(engine: sa.Engine, limit: int | None = None, customer_hash: str | None = None) -> list[Objection]:
    """Return the objections that hold, the newest first; only that of one customer if given."""
    entries = sa.select(AUDIT.c.subject, sa.func.max(AUDIT.c.entry).label("entry"))
    last = entries.where(AUDIT.c.what == Withheld.SUPPRESSED.value).group_by(AUDIT.c.subject).subquery()
    columns = (WITHHELD.c.customer_hash, WITHHELD.c.since, AUDIT.c.client, AUDIT.c.note)
    joined = WITHHELD.outerjoin(last, last.c.subject == WITHHELD.c.customer_hash).outerjoin(AUDIT, AUDIT.c.entry == last.c.entry)
    query = sa.select(*columns).select_from(joined).where(WITHHELD.c.reason == Withheld.SUPPRESSED.value)
    query = query if customer_hash is None else query.where(WITHHELD.c.customer_hash == customer_hash)
    ordered = query.order_by(WITHHELD.c.since.desc(), WITHHELD.c.customer_hash).limit(limit)
    with autocommit(engine).connect() as connection:
        return [Objection(*row) for row in connection.execute(ordered)]


def count_objections(engine: sa.Engine) -> int:
    """Return how many customers object to marketing."""
    query = sa.select(sa.func.count()).select_from(WITHHELD).where(WITHHELD.c.reason == Withheld.SUPPRESSED.value)
    with autocommit(engine).connect() as connection:
        return int(connection.scalar(query) or 0)


def add_objections(connection: sa.Connection, hashes: Sequence[str], now: datetime, client: str, note: str | None) -> None:
    """Store objections of customers who are not withheld yet, with an audit entry each."""
    if hashes:
        what = Withheld.SUPPRESSED.value
        rows = [{"customer_hash": value, "reason": what, "since": now} for value in hashes]
        connection.execute(WITHHELD.insert(), rows)
        entries = [{"client": client, "what": what, "at": now, "subject": value, "note": note} for value in hashes]
        connection.execute(AUDIT.insert(), entries)


def lift_objection(connection: sa.Connection, customer_hash: str) -> bool:
    """Delete the objection of a customer, and return whether there was one. An erasure stays."""
    is_objection = (WITHHELD.c.customer_hash == customer_hash, WITHHELD.c.reason == Withheld.SUPPRESSED.value)
    return bool(connection.execute(WITHHELD.delete().where(*is_objection)).rowcount)


def lift_objections_before(engine: sa.Engine, lifted: Mapping[str, str]) -> None:
    """Delete the objections that are older than their lifting, such as those of a restored backup; times are in ISO format."""
    if lifted:
        with engine.begin() as connection:
            is_objection = WITHHELD.c.reason == Withheld.SUPPRESSED.value
            stored = connection.execute(sa.select(WITHHELD.c.customer_hash, WITHHELD.c.since).where(is_objection)).all()
            for customer_hash, since in stored:
                if customer_hash in lifted and since < datetime.fromisoformat(lifted[customer_hash]):
                    lift_objection(connection, customer_hash)
