"""The likelihood of each loyalty type for each sequence of brands."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from features.families.brand_sequences import CATEGORY, SEQUENCE, SYMBOL
from features.families.loyalty_models import (
    RANKS,
    log_factorial,
    log_hard_core,
    log_shifting,
    log_split,
    log_switcher,
)
from features.frames.arrays import Array, BoolArray
from features.frames.collect import Engine
from features.frames.columns import CUSTOMER, DAY
from features.frames.sorted_runs import index_in_run, starts_run

NO_SYMBOL = 2**32 - 1


def sequence_likelihoods(rows: pl.DataFrame, engine: Engine) -> pl.DataFrame:
    """Return the log marginal likelihood of each type per sequence, and the day of the most likely shift.

    A sequence too short to show a shift gets the likelihood of hard_core for shifting.
    """
    counts = _sequence_counts(rows, engine)
    closed_forms = _closed_form_likelihoods(counts)
    shifting, shift_row = log_shifting(counts.n, counts.seen, counts.top_counts, counts.hits)
    return rows.filter(starts_run(SEQUENCE)).select(
        CUSTOMER,
        CATEGORY,
        pl.Series("n", counts.n.astype(np.int64)),
        closed_forms["hard_core"],
        closed_forms["split"],
        pl.coalesce(pl.Series("shifting", shifting).fill_nan(None), closed_forms["hard_core"]).alias("shifting"),
        pl.Series("switcher", log_switcher(counts.n, counts.seen, counts.log_factorials)),
        pl.when(pl.Series(shift_row) >= 0).then(rows[DAY].gather(np.maximum(shift_row, 0))).alias("shifted"),
    )


@dataclass(frozen=True)
class _SequenceCounts:
    """The inputs of `loyalty_models` for all sequences, as arrays; `log_factorials` sums ln count! over the symbols of each."""

    n: Array
    seen: Array
    top_counts: Array
    hits: BoolArray
    log_factorials: Array


def _sequence_counts(rows: pl.DataFrame, engine: Engine) -> _SequenceCounts:
    ranked = _ranked_symbols(rows, engine)
    sequence, symbol = rows[SEQUENCE].to_numpy().astype(np.intp), rows[SYMBOL].to_numpy()
    ranked_sequence, count, rank = (ranked[name].to_numpy() for name in (SEQUENCE, "count", "rank"))
    n = np.bincount(sequence).astype(np.float64)
    is_top = rank < RANKS
    top_counts, favourites = np.zeros((RANKS, len(n))), np.full((RANKS, len(n)), NO_SYMBOL, dtype=np.uint32)
    top_counts[rank[is_top], ranked_sequence[is_top]] = count[is_top]
    favourites[rank[is_top], ranked_sequence[is_top]] = ranked[SYMBOL].to_numpy()[is_top]
    return _SequenceCounts(
        n=n,
        seen=np.bincount(ranked_sequence).astype(np.float64),
        top_counts=top_counts,
        hits=np.array([favourite[sequence] == symbol for favourite in favourites]),
        log_factorials=np.bincount(ranked_sequence, weights=log_factorial(count)).astype(np.float64),
    )


def _ranked_symbols(rows: pl.DataFrame, engine: Engine) -> pl.DataFrame:
    """Return every symbol of every sequence with its `count` and its `rank` from 0, the most frequent first.

    Among equally frequent symbols the one bought first ranks first, so that names do not matter. The frame is sorted by
    sequence alone first: the second sort then finds its rows nearly in place.
    """
    numbered = rows.lazy().with_row_index("row").group_by(SEQUENCE, SYMBOL)
    counts = numbered.agg(pl.len().cast(pl.Int64).alias("count"), pl.col("row").min()).collect(engine=engine)
    ranked = counts.sort(SEQUENCE).sort(SEQUENCE, "count", "row", descending=[False, True, False])
    return ranked.with_columns(index_in_run(SEQUENCE).alias("rank"))


def _closed_form_likelihoods(counts: _SequenceCounts) -> pl.DataFrame:
    """Return the likelihoods that depend on counts alone, computed per distinct set of counts: many sequences share one."""
    columns = ["n", "seen", *(f"count{rank}" for rank in range(RANKS))]
    sequences = pl.DataFrame([counts.n, counts.seen, *counts.top_counts], schema=columns)
    patterns = sequences.unique()
    n, seen, *top_counts = (patterns[name].to_numpy() for name in columns)
    hard_core, split = (model(n, seen, np.array(top_counts)) for model in (log_hard_core, log_split))
    likelihoods = patterns.with_columns(pl.Series("hard_core", hard_core), pl.Series("split", split))
    return sequences.join(likelihoods, on=columns, how="left", maintain_order="left")
