"""The control group: drawn by a keyed hash of the customer or household, so that a draw can be repeated."""

import polars as pl

from features.storage.hashing import derive_key, hash_column

GLOBAL_DRAW = "global control"
HEX_DIGITS = 13  # 52 bits, which a float holds exactly


def draw_holdouts(drawn: pl.Series, draw: str, key: bytes, list_share: float, global_share: float) -> pl.Series:
    """Return `global` for units in the global control, `list` for those this draw holds out, null for the others.

    `drawn` has the text that is drawn for each customer: all customers of a unit share it. HMAC-SHA256 under a key derived from
    the workspace's key and the name of the draw. The same draw always holds out the same units; different draws hold out
    different ones; and without the key the draw cannot be predicted. `global_share` of all units are in the global control of
    every draw; of the others, this draw holds out `list_share`.
    """
    in_global = _uniform_numbers(drawn, GLOBAL_DRAW, key) < global_share
    in_list = _uniform_numbers(drawn, draw, key) < list_share
    holdouts = pl.DataFrame({"in_global": in_global, "in_list": in_list}).select(
        pl.when("in_global")
        .then(pl.lit("global"))
        .when("in_list")
        .then(pl.lit("list"))
        .otherwise(pl.lit(None, pl.String))
        .alias("held_by")
    )
    return holdouts.to_series()


def _uniform_numbers(drawn: pl.Series, draw: str, key: bytes) -> pl.Series:
    """Return a number in [0, 1) per text."""
    digits = hash_column("drawn", derive_key(draw, key)).str.slice(0, HEX_DIGITS)
    number = digits.str.to_integer(base=16, strict=True)
    return drawn.alias("drawn").to_frame().select(number / 16**HEX_DIGITS).to_series()
