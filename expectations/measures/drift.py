"""How far a distribution moved: the population stability index between two sets of shares."""

import math
from collections.abc import Sequence
from itertools import pairwise

import polars as pl

# A share of nothing would make any move infinite; half a customer in a thousand stands for it.
LEAST = 5e-4


def shares(values: pl.Series, cuts: Sequence[float]) -> list[float]:
    """Return the share of the values in each interval between ascending cuts, upper bounds exclusive; zeros without a value."""
    places = values.sort().search_sorted(pl.Series([*cuts]), side="left")
    bounds = [0, *places.to_list(), values.len()]
    return [(upper - lower) / max(values.len(), 1) for lower, upper in pairwise(bounds)]


def population_stability(before: Sequence[float], now: Sequence[float]) -> float:
    """Return the population stability index: the sum of (now - before) ln(now / before), 0 for equal shares.

    It is the symmetric Kullback-Leibler divergence (Jeffreys 1946, doi:10.1098/rspa.1946.0056). Below 0.1 is little, above
    0.25 much, by the custom of credit scoring. Shares below 0.0005 count as that.
    """
    pairs = [(max(a, LEAST), max(b, LEAST)) for a, b in zip(before, now, strict=True)]
    return sum((b - a) * math.log(b / a) for a, b in pairs)
