"""Objections of merged customers hold for every id that the customer has or had, whichever was known when."""

from datetime import datetime

import polars as pl
import sqlalchemy as sa

from features.frames.aliases import ID, SURVIVOR
from features.storage.hashing import hash_column
from serving.privacy.merged_ids import merged_members
from serving.privacy.objections import record_withheld
from serving.privacy.workspace_key import identity_key
from serving.store.withheld import Withheld, find_withheld
from settings.sections import Settings

MERGED = "merged with a customer who objected"


def follow_objections(settings: Settings, engine: sa.Engine, now: datetime, client: str) -> int:
    """Record the objection of a merged customer for the customer's other ids; return how many are new."""
    members = merged_members(settings)
    if members.is_empty():
        return 0
    hashed = members.with_columns(hash_column(ID, identity_key(settings.secret_path, engine)).alias("hash"))
    with engine.connect() as connection:
        stored = find_withheld(connection, hashed["hash"].to_list())
    objected = [value for value, reason in stored.items() if reason == Withheld.SUPPRESSED]
    survivors = hashed.filter(pl.col("hash").is_in(objected))[SURVIVOR].unique()
    missing = hashed.filter(pl.col(SURVIVOR).is_in(survivors.implode()) & ~pl.col("hash").is_in(list(stored)))[ID]
    for customer_id in missing:
        record_withheld(settings, engine, customer_id, Withheld.SUPPRESSED, now, client, MERGED)
    return len(missing)
