"""Customers who are withheld, by keyed hash: who objected to marketing, and what is left of those who were erased."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from serving.store.engine import reading
from serving.store.read import VALUES, among, many
from serving.store.runs import ABOUT, CURRENT, Run
from serving.store.schema import WITHHELD, score_table

HASHES = "hashes"


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


def find_at_once(
    connection: sa.Connection, run_id: int, customer_ids: Sequence[str], hashes: Sequence[str]
) -> tuple[Run, Mapping[str, str], list[tuple[Any, ...]]]:
    """Return the current run, why some are withheld, and the rows of run `run_id`, in one question to PostgreSQL.

    The rows are of use only if `run_id` turns out to be the current run.
    """
    found = connection.execute(_at_once(run_id), {VALUES: list(customer_ids), HASHES: list(hashes)}).all()
    about, told = found[0][: len(ABOUT)], found[0][len(ABOUT)]
    rows = [tuple(row[len(ABOUT) + 1 :]) for row in found]
    return Run(*about), dict(told or ()), [row for row in rows if row[0] is not None]


@lru_cache(maxsize=64)
def _at_once(run_id: int) -> sa.Select[Any]:
    """The current run, beside it who is withheld, and a row for each score; one row without a score where there is none."""
    current, table = CURRENT.subquery(), score_table(run_id)
    reasons = sa.select(sa.func.json_object_agg(WITHHELD.c.customer_hash, WITHHELD.c.reason))
    withheld = reasons.where(WITHHELD.c.customer_hash == sa.any_(sa.bindparam(HASHES, type_=ARRAY(sa.Text)))).scalar_subquery()
    scores = current.outerjoin(table, among("postgresql", table.c.customer_id))
    return sa.select(*current.c, sa.type_coerce(withheld, sa.JSON), *table.c).select_from(scores)


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
