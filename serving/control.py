"""Who is held out of a list: drawn by a keyed hash of the customer, so that the draw can be repeated."""

import hashlib
import secrets
from pathlib import Path

import pandas as pd
import polars as pl

from features.tables.atomic import replacing

KEY_FILE = "control.key"
KEY_BYTES = 16


def arms(customers: pl.Series, draw: str, key: bytes, control_share: float) -> pl.Series:
    """Return `control` for a share of the customers and `treated` for the others.

    SipHash (Aumasson and Bernstein 2012) under a key made from the workspace's own and the name of the draw: the
    same draw takes the same customers, another one others, and nobody without the key can tell who.
    """
    list_key = hashlib.blake2b(draw.encode(), key=key, digest_size=8).hexdigest()
    drawn = pd.util.hash_array(customers.to_numpy().astype(object), hash_key=list_key, categorize=False)
    share = pl.Series(drawn.astype("float64") / 2.0**64)
    return pl.select(pl.when(share < control_share).then(pl.lit("control")).otherwise(pl.lit("treated")).alias("arm")).to_series()


def workspace_key(workspace: Path) -> bytes:
    """Return the workspace's secret key, made on first use and readable by its owner only."""
    path = workspace / KEY_FILE
    if not path.exists():
        with replacing(path) as beside:
            beside.touch(mode=0o600)
            beside.write_bytes(secrets.token_bytes(KEY_BYTES))
    return path.read_bytes()
