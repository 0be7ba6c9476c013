"""Withhold customers: those who object to marketing, until they opt in again, and those who are to be erased."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from features.frames.columns import CUSTOMER
from features.storage.hashing import NO_IDS, HashedIds, hash_column, hash_text
from serving.privacy.known_customers import known_customers
from serving.privacy.withheld_log import LIFTED, append_to_log, entry
from serving.privacy.workspace_key import identity_key
from serving.store.audit import add_audit_entry
from serving.store.erasure import lock_erasures
from serving.store.objections import add_objections, lift_objection
from serving.store.withheld import Withheld, find_withheld, withheld_hashes, withhold
from settings.errors import UserError
from settings.sections import Settings


class NotSuppressedError(UserError):
    """There is no objection to lift."""


class ErasedError(UserError):
    """The customer was erased, which cannot be taken back."""


@dataclass(frozen=True)
class ImportCounts:
    """What became of imported ids: `read` is the sum of the others. Unknown ids are recorded only if asked for."""

    read: int
    new: int
    already: int
    unknown: int
    repeated: int
    empty: int


def withheld_ids(settings: Settings, engine: sa.Engine, *reasons: Withheld) -> HashedIds:
    """Return the customers who are withheld for any of the reasons, as hashed ids with their key."""
    hashes = withheld_hashes(engine, *reasons)
    return HashedIds(identity_key(settings.secret_path, engine), hashes) if hashes else NO_IDS


def suppress(
    settings: Settings, engine: sa.Engine, customer_id: str, now: datetime, client: str, note: str | None = None
) -> bool:
    """Withhold a customer who objects to marketing; return whether the objection is new. Every call is audited."""
    return record_withheld(settings, engine, customer_id, Withheld.SUPPRESSED, now, client, note)


def record_withheld(
    settings: Settings,
    engine: sa.Engine,
    customer_id: str,
    reason: Withheld,
    now: datetime,
    client: str,
    note: str | None = None,
) -> bool:
    """Store a customer's keyed hash with the reason, first in the log beside the secret; return whether the store changed."""
    customer_hash = hash_text(customer_id, identity_key(settings.secret_path, engine))
    append_to_log(settings.withheld_log_path, [entry(reason, customer_hash, now)])
    with engine.begin() as connection:
        lock_erasures(connection, shared=False)
        add_audit_entry(connection, client, reason.value, now, customer_hash, note=note)
        return withhold(connection, customer_hash, reason, now)


def suppress_many(
    settings: Settings,
    engine: sa.Engine,
    customer_ids: pl.Series,
    now: datetime,
    client: str,
    note: str | None = None,
    *,
    preemptive: bool = False,
) -> ImportCounts:
    """Withhold many customers who object to marketing, all or none; each new objection is audited.

    `preemptive` records ids that no table, score or list has, too.
    """
    filled = customer_ids.alias(CUSTOMER).drop_nulls().str.strip_chars()
    ids = filled.filter(filled != "").unique(maintain_order=True)
    known = ids.filter(ids.is_in(list(known_customers(settings, engine, ids.to_list()))))
    accepted = ids if preemptive else known
    hashes = accepted.to_frame().select(hash_column(CUSTOMER, identity_key(settings.secret_path, engine)).alias("hash"))["hash"]
    with engine.begin() as connection:
        lock_erasures(connection, shared=False)
        new = hashes.filter(~hashes.is_in(list(find_withheld(connection, hashes.to_list())))).to_list()
        append_to_log(settings.withheld_log_path, [entry(Withheld.SUPPRESSED, value, now) for value in new])
        add_objections(connection, new, now, client, note)
    empty = len(customer_ids) - int((filled != "").sum())
    return ImportCounts(
        read=len(customer_ids),
        new=len(new),
        already=len(accepted) - len(new),
        unknown=len(ids) - len(accepted),
        repeated=len(customer_ids) - empty - len(ids),
        empty=empty,
    )


def unsuppress(settings: Settings, engine: sa.Engine, customer_id: str, now: datetime, client: str, reason: str) -> None:
    """Lift the objection of a customer who opts in again; the audit keeps the reason.

    Predictions and lists have the customer again from the next run. Raises NotSuppressedError without an objection, and
    ErasedError for an erased customer.
    """
    customer_hash = hash_text(customer_id, identity_key(settings.secret_path, engine))
    with engine.connect() as connection:
        stored = find_withheld(connection, [customer_hash]).get(customer_hash)
    if stored == Withheld.ERASED:
        raise ErasedError("The customer was erased, which cannot be taken back.")
    if stored is None:
        raise NotSuppressedError("There is no objection of a customer with this id, so nothing was changed.")
    append_to_log(settings.withheld_log_path, [entry(LIFTED, customer_hash, now)])
    with engine.begin() as connection:
        lock_erasures(connection, shared=False)
        add_audit_entry(connection, client, "unsuppressed", now, customer_hash, note=reason)
        lift_objection(connection, customer_hash)
