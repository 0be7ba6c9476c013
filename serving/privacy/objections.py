"""Withhold customers: those who object to marketing, until they opt in again, and those who are to be erased."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from features.frames.columns import CUSTOMER
from features.storage.hashing import NO_IDS, HashedIds, hash_column, hash_text
from serving.privacy.known_customers import known_customers
from serving.privacy.merged_ids import ids_of, with_merged_ids
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
    """Withhold a customer who objects to marketing, with all ids of a merged one; return whether the objection is new.

    Every call is audited.
    """
    ids = ids_of(settings, customer_id)
    new = [record_withheld(settings, engine, each, Withheld.SUPPRESSED, now, client, note) for each in ids]
    return any(new)


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
    key = identity_key(settings.secret_path, engine)
    hashed = with_merged_ids(settings, accepted).to_frame(CUSTOMER).with_columns(hash_column(CUSTOMER, key).alias("hash"))
    with engine.begin() as connection:
        lock_erasures(connection, shared=False)
        added = hashed.filter(~pl.col("hash").is_in(list(find_withheld(connection, hashed["hash"].to_list()))))
        append_to_log(settings.withheld_log_path, [entry(Withheld.SUPPRESSED, value, now) for value in added["hash"]])
        add_objections(connection, added["hash"].to_list(), now, client, note)
    new = added.filter(pl.col(CUSTOMER).is_in(accepted.implode()))
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
    """Lift the objection of a customer who opts in again, for all ids of a merged one; the audit keeps the reason.

    Predictions and lists have the customer again from the next run. Raises NotSuppressedError without an objection, and
    ErasedError for an erased customer.
    """
    key = identity_key(settings.secret_path, engine)
    hashes = [hash_text(each, key) for each in ids_of(settings, customer_id)]
    with engine.connect() as connection:
        stored = find_withheld(connection, hashes)
    if stored.get(hashes[0]) == Withheld.ERASED:
        raise ErasedError("The customer was erased, which cannot be taken back.")
    lifted = [value for value in hashes if stored.get(value) == Withheld.SUPPRESSED]
    if not lifted:
        raise NotSuppressedError("There is no objection of a customer with this id, so nothing was changed.")
    append_to_log(settings.withheld_log_path, [entry(LIFTED, value, now) for value in lifted])
    with engine.begin() as connection:
        lock_erasures(connection, shared=False)
        for value in lifted:
            add_audit_entry(connection, client, "unsuppressed", now, value, note=reason)
            lift_objection(connection, value)
