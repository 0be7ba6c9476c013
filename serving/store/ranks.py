"""The churn probabilities of a run's existing customers in order, for the percentile of a live score. No customer is named."""

import zlib

import numpy as np
import polars as pl

from models.log_odds import Array


def packed_ranks(scores: pl.DataFrame) -> bytes:
    """Return the sorted p_churn of the existing customers of a run, compressed."""
    ordered = scores.filter(status="existing")["p_churn"].drop_nulls().sort().to_numpy()
    return zlib.compress(np.ascontiguousarray(ordered, dtype="<f8").tobytes(), 1)


def unpacked_ranks(packed: bytes | None) -> Array:
    """Return what `packed_ranks` packed; nothing of a run that has none."""
    return np.frombuffer(zlib.decompress(packed) if packed else b"", dtype="<f8")


def percentile(p_churn: float, ordered: Array, own: float | None) -> float:
    """Return the rank in per cent that a probability has among a run's, in place of the customer's `own` one in it.

    Ties share the average of their ranks, as in `churn_percentile` of a run.
    """
    below, upto = (int(np.searchsorted(ordered, p_churn, side=side)) for side in ("left", "right"))
    customers = len(ordered)
    if own is not None:
        below, upto, customers = below - (own < p_churn), upto - (own <= p_churn), customers - 1
    return min(100 * (below + (upto - below + 2) / 2) / (customers + 1), 100.0)
