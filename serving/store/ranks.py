"""The sorted churn probabilities of a run's existing customers, for the percentile of a live score. They name no customer."""

import zlib

import numpy as np
import polars as pl

from features.frames.arrays import Array


def pack_ranks(scores: pl.DataFrame) -> bytes:
    """Return the sorted p_churn of a run's existing customers, compressed."""
    ordered = scores.filter(status="existing")["p_churn"].drop_nulls().sort().to_numpy()
    return zlib.compress(np.ascontiguousarray(ordered, dtype="<f8").tobytes(), 1)


def unpack_ranks(packed: bytes | None) -> Array:
    """Return the probabilities that `pack_ranks` packed; an empty array for None, of a run without ranks."""
    return np.frombuffer(zlib.decompress(packed) if packed else b"", dtype="<f8")


def percentile(p_churn: float, ordered: Array, previous: float | None) -> float:
    """Return the rank of a probability among the sorted ones of a run, in per cent.

    `previous` is the customer's own probability in that run, which `p_churn` replaces; None if the run does not have the
    customer. Ties share their average rank, as in the run's `churn_percentile`.
    """
    below, up_to = (int(np.searchsorted(ordered, p_churn, side=side)) for side in ("left", "right"))
    customers = len(ordered)
    if previous is not None:
        below, up_to, customers = below - (previous < p_churn), up_to - (previous <= p_churn), customers - 1
    return min(100 * (below + (up_to - below + 2) / 2) / (customers + 1), 100.0)
