"""The id of a store, by which a workspace recognises the store it has used; and whether a store has been used at all."""

import secrets

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from serving.store.engine import autocommit
from serving.store.schema import KEYS, LISTS, META, RUNS, WITHHELD

NAME = "store"


def read_store_id(engine: sa.Engine) -> str | None:
    """Return the id of a store; None for a new one, and for one of an earlier Holdfast."""
    with autocommit(engine).connect() as connection:
        store_id: str | None = connection.scalar(sa.select(META.c.value).where(META.c.name == NAME))
    return store_id


def ensure_store_id(engine: sa.Engine) -> str:
    """Return the id of a store, which is created on first use."""
    store_id = read_store_id(engine)
    if store_id is None:
        try:
            with engine.begin() as connection:
                connection.execute(META.insert().values(name=NAME, value=secrets.token_hex(8)))
        except IntegrityError:  # another process was first
            pass
        store_id = read_store_id(engine)
    return store_id or ""


def is_unused(engine: sa.Engine) -> bool:
    """Return whether a store has no run, no list, no key and no withheld customer."""
    with autocommit(engine).connect() as connection:
        return all(
            connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0 for table in (RUNS, LISTS, KEYS, WITHHELD)
        )
