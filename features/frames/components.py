"""Connected components: what belongs together through any chain of shared values."""

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def component_numbers(edges: pl.DataFrame) -> pl.Series:
    """Return the component of each edge: a number from 0, equal for edges that a chain of edges connects.

    An edge is a row of two columns without nulls. The columns name different things: equal values in both are not connected.
    """
    if edges.is_empty():
        return pl.Series("component", [], dtype=pl.Int64)
    left, right = (edges[name].rank("dense").cast(pl.Int64).to_numpy() - 1 for name in edges.columns)
    lefts, rights = int(left.max()) + 1, int(right.max()) + 1
    shape = (lefts + rights, lefts + rights)
    graph = coo_array((np.ones(len(left), dtype=np.int8), (left, lefts + right)), shape=shape)
    _, numbers = connected_components(graph.tocsr(), directed=False)
    return pl.Series("component", numbers[left], dtype=pl.Int64)
