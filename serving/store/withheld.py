"""Withheld customers by keyed hash: those who objected to marketing, and the traces of those who were erased."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from serving.store.engine import autocommit
from serving.store.read import VALUES, in_values, values_parameter
from serving.store.runs import CURRENT_RUN, RUN_FIELDS, Run
from serving.store.schema import WITHHELD, score_table

HASHES = "hashes"


class Withheld(StrEnum):
    """The reason why a customer is withheld."""

    SUPPRESSED = "suppressed"
    ERASED = "erased"


def find_withheld(connection: sa.Connection, hashes: Sequence[str]) -> Mapping[str, str]:
    """Return the reason for each of these hashes that is withheld."""
    rows = connection.execute(_withheld_by_hash(connection.dialect.name), {VALUES: values_parameter(connection, hashes)})
    return {row[0]: row[1] for row in rows}


def withheld_among(engine: sa.Engine, hashes: Sequence[str]) -> list[str]:
    """Return those of the hashes that are withheld, for any reason."""
    with autocommit(engine).connect() as connection:
        return list(find_withheld(connection, hashes))


@cache
def _withheld_by_hash(dialect: str) -> sa.Select[Any]:
    return sa.select(WITHHELD.c.customer_hash, WITHHELD.c.reason).where(in_values(dialect, WITHHELD.c.customer_hash))


def find_rows_and_withheld(
    connection: sa.Connection, run_id: int, customer_ids: Sequence[str], hashes: Sequence[str]
) -> tuple[Run, Mapping[str, str], list[tuple[Any, ...]]]:
    """Return the current run, the withheld hashes with reasons, and rows of run `run_id`, in one query to PostgreSQL.

    The rows are valid only if `run_id` turns out to be the current run.
    """
    records = connection.execute(_rows_and_withheld(run_id), {VALUES: list(customer_ids), HASHES: list(hashes)}).all()
    run_values, reasons = records[0][: len(RUN_FIELDS)], records[0][len(RUN_FIELDS)]
    rows = [tuple(record[len(RUN_FIELDS) + 1 :]) for record in records]
    return Run(*run_values), dict(reasons or ()), [row for row in rows if row[0] is not None]


@lru_cache(maxsize=64)
def _rows_and_withheld(run_id: int) -> sa.Select[Any]:
    """Select the current run and the withheld hashes beside each score; one row without a score if there are no scores."""
    current, table = CURRENT_RUN.subquery(), score_table(run_id)
    reasons = sa.select(sa.func.json_object_agg(WITHHELD.c.customer_hash, WITHHELD.c.reason))
    withheld = reasons.where(WITHHELD.c.customer_hash == sa.any_(sa.bindparam(HASHES, type_=ARRAY(sa.Text)))).scalar_subquery()
    scores = current.outerjoin(table, in_values("postgresql", table.c.customer_id))
    return sa.select(*current.c, sa.type_coerce(withheld, sa.JSON), *table.c).select_from(scores)


def withheld_hashes(engine: sa.Engine, *reasons: Withheld) -> list[str]:
    """Return the hashes that are withheld for any of the reasons."""
    with autocommit(engine).connect() as connection:
        return list(connection.scalars(sa.select(WITHHELD.c.customer_hash).where(WITHHELD.c.reason.in_(reasons))))


def withheld_reasons(engine: sa.Engine) -> dict[str, str]:
    """Return the reason by hash of every withheld customer."""
    with autocommit(engine).connect() as connection:
        return {row[0]: row[1] for row in connection.execute(sa.select(WITHHELD.c.customer_hash, WITHHELD.c.reason))}


def withhold(connection: sa.Connection, customer_hash: str, reason: Withheld, now: datetime) -> bool:
    """Withhold a customer and return whether anything changed. An erased customer stays erased.

    The removal of an erased customer's rows is pending until `serving.store.erasure.mark_removed`, again if it is repeated.
    """
    is_customer = WITHHELD.c.customer_hash == customer_hash
    if reason is Withheld.ERASED:
        connection.execute(WITHHELD.update().where(is_customer).values(removed_at=None))
    stored = connection.scalar(sa.select(WITHHELD.c.reason).where(is_customer))
    if stored in {reason, Withheld.ERASED}:
        return False
    if stored is None:
        connection.execute(WITHHELD.insert().values(customer_hash=customer_hash, reason=reason, since=now))
    else:
        connection.execute(WITHHELD.update().where(is_customer).values(reason=reason, since=now))
    return True
