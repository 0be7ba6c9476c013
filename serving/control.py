"""Who is held out of a list: drawn by a keyed hash of the customer, so that the draw can be repeated."""

import polars as pl

from features.tables.keyed_hash import hash_of, hashed

DIGITS = 13  # 52 bits: as many as a float holds exactly


def arms(customers: pl.Series, draw: str, key: bytes, control_share: float) -> pl.Series:
    """Return `control` for a share of the customers and `treated` for the others.

    HMAC-SHA256 under a key made from the workspace's own and the name of the draw: the same draw takes the same customers,
    another one others, and nobody without the key can tell who.
    """
    list_key = hash_of(draw, key.hex())
    share = hashed("customer", list_key).str.slice(0, DIGITS).str.to_integer(base=16, strict=True) / 16**DIGITS
    arm = pl.when(share < control_share).then(pl.lit("control")).otherwise(pl.lit("treated")).alias("arm")
    return customers.alias("customer").to_frame().select(arm).to_series()
