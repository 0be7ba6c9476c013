"""Drift of a distribution: the population stability index between two sets of shares."""

import math
from collections.abc import Sequence
from itertools import pairwise

import polars as pl

# An empty share would make the index infinite; this floor is half a customer in a thousand.
MIN_SHARE = 5e-4


def bin_shares(values: pl.Series, cuts: Sequence[float]) -> list[float]:
    """Return the share of the values in each interval between ascending cuts, upper bounds exclusive; zeros for no values."""
    positions = values.sort().search_sorted(pl.Series([*cuts]), side="left")
    bounds = [0, *positions.to_list(), values.len()]
    return [(upper - lower) / max(values.len(), 1) for lower, upper in pairwise(bounds)]


def population_stability_index(before: Sequence[float], now: Sequence[float]) -> float:
    """Return the population stability index: the sum of (now - before) ln(now / before), 0 for equal shares.

    It is the symmetric Kullback-Leibler divergence (Jeffreys 1946, doi:10.1098/rspa.1946.0056). By the convention of credit
    scoring, a value below 0.1 is small and one above 0.25 large. Shares below 0.0005 count as 0.0005.
    """
    pairs = [(max(a, MIN_SHARE), max(b, MIN_SHARE)) for a, b in zip(before, now, strict=True)]
    return sum((b - a) * math.log(b / a) for a, b in pairs)
