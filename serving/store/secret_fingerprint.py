"""The fingerprint of the secret that a store was created with: a hash that only this secret yields."""

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from serving.store.schema import META

NAME = "secret"


def read_fingerprint(engine: sa.Engine) -> str | None:
    """Return the fingerprint; None for a store without one."""
    with engine.connect() as connection:
        fingerprint: str | None = connection.scalar(sa.select(META.c.value).where(META.c.name == NAME))
    return fingerprint


def save_fingerprint(engine: sa.Engine, fingerprint: str) -> str:
    """Store a fingerprint and return the stored one: that of another process if it was first."""
    try:
        with engine.begin() as connection:
            connection.execute(META.insert().values(name=NAME, value=fingerprint))
    except IntegrityError:  # another process was first
        return read_fingerprint(engine) or fingerprint
    return fingerprint
