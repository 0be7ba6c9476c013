"""Who is held out: drawn by a keyed hash of the customer, so that the draw can be repeated."""

import polars as pl

from features.storage.hashing import hash_column, hash_of

DIGITS = 13  # 52 bits: as many as a float holds exactly
GLOBAL = "global control"


def held_by(customers: pl.Series, draw: str, key: bytes, list_share: float, global_share: float) -> pl.Series:
    """Return `global` for those whom no list ever treats, `list` for those held out by this draw, and null for the others.

    HMAC-SHA256 under a key made from the workspace's own and the name of the draw: the same draw takes the same customers,
    another one others, and nobody without the key can tell who. `global_share` of all customers are the same in every draw;
    of the others this one takes `list_share`.
    """
    globally, here = _luck(customers, GLOBAL, key) < global_share, _luck(customers, draw, key) < list_share
    drawn = pl.DataFrame({"globally": globally, "here": here}).select(
        pl.when("globally")
        .then(pl.lit("global"))
        .when("here")
        .then(pl.lit("list"))
        .otherwise(pl.lit(None, pl.String))
        .alias("held_by")
    )
    return drawn.to_series()


def _luck(customers: pl.Series, draw: str, key: bytes) -> pl.Series:
    """A number in [0, 1) per customer."""
    number = hash_column("customer", hash_of(draw, key.hex())).str.slice(0, DIGITS).str.to_integer(base=16, strict=True)
    return customers.alias("customer").to_frame().select(number / 16**DIGITS).to_series()
