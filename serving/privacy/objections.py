"""Withhold customers: those who object to marketing, and those who are to be erased."""

from datetime import datetime

import sqlalchemy as sa

from features.storage.hashing import NO_IDS, HashedIds, hash_text
from serving.privacy.withheld_log import append_to_log, entry
from serving.privacy.workspace_key import identity_key
from serving.store.audit import add_audit_entry
from serving.store.erasure import lock_erasures
from serving.store.withheld import Withheld, withheld_hashes, withhold
from settings.sections import Settings


def withheld_ids(settings: Settings, engine: sa.Engine, *reasons: Withheld) -> HashedIds:
    """Return the customers who are withheld for any of the reasons, as hashed ids with their key."""
    hashes = withheld_hashes(engine, *reasons)
    return HashedIds(identity_key(settings.secret_path, engine), hashes) if hashes else NO_IDS


def suppress(settings: Settings, engine: sa.Engine, customer_id: str, now: datetime, client: str) -> bool:
    """Withhold a customer who objects to marketing; return whether the objection is new. Every call is audited."""
    return record_withheld(settings, engine, customer_id, Withheld.SUPPRESSED, now, client)


def record_withheld(
    settings: Settings, engine: sa.Engine, customer_id: str, reason: Withheld, now: datetime, client: str
) -> bool:
    """Store a customer's keyed hash with the reason, first in the log beside the secret; return whether the store changed."""
    customer_hash = hash_text(customer_id, identity_key(settings.secret_path, engine))
    append_to_log(settings.withheld_log_path, [entry(reason, customer_hash, now)])
    with engine.begin() as connection:
        lock_erasures(connection, shared=False)
        add_audit_entry(connection, client, reason.value, now, customer_hash)
        return withhold(connection, customer_hash, reason, now)
