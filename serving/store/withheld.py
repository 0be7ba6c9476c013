"""Customers who are withheld, by keyed hash: who objected to marketing, and what is left of those who were erased."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

import sqlalchemy as sa

from serving.store.engine import reading
from serving.store.read import VALUES, among, many
from serving.store.schema import WITHHELD


class Withheld(StrEnum):
    """Why a customer is withheld."""

    SUPPRESSED = "suppressed"
    ERASED = "erased"


def withheld_among(connection: sa.Connection, hashes: Sequence[str]) -> Mapping[str, str]:
    """Return why, of those hashes that are withheld."""
    found = connection.execute(_by_hash(connection.dialect.name), {VALUES: many(connection, hashes)})
    return {row[0]: row[1] for row in found}


@cache
def _by_hash(dialect: str) -> sa.Select[Any]:
    return sa.select(WITHHELD.c.customer_hash, WITHHELD.c.reason).where(among(dialect, WITHHELD.c.customer_hash))


def all_withheld(engine: sa.Engine, *reasons: Withheld) -> list[str]:
    """Return the hashes that are withheld for any of the reasons."""
    with reading(engine).connect() as connection:
        return list(connection.scalars(sa.select(WITHHELD.c.customer_hash).where(WITHHELD.c.reason.in_(reasons))))


def withhold(connection: sa.Connection, customer_hash: str, reason: Withheld, now: datetime) -> bool:
    """Withhold a customer; return whether that is new. Who is erased stays erased, whatever is asked later."""
    known = connection.scalar(sa.select(WITHHELD.c.reason).where(WITHHELD.c.customer_hash == customer_hash))
    if known in {reason, Withheld.ERASED}:
        return False
    if known is None:
        connection.execute(WITHHELD.insert().values(customer_hash=customer_hash, reason=reason, since=now))
    else:
        connection.execute(WITHHELD.update().where(WITHHELD.c.customer_hash == customer_hash).values(reason=reason, since=now))
    return True
