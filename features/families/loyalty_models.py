"""Four ways to choose a brand, as closed-form marginal likelihoods of a sequence of choices.

Kotler's loyalty types are read as generative models over a nominal alphabet of V brands (at least 12, and at least as many as
were bought). Every model gives the first choice probability 1/V, so one purchase carries no information about the type. No model
uses the name of a brand:

- hard_core: one favourite, drawn uniformly; each choice is the favourite with probability 1 - e, else any other brand.
- split: two or three favourites with shares q ~ Dirichlet(3, .., 3); a choice outside them with probability e.
- shifting: one favourite before a change point, another after it; other brands with probability e. The change point is uniform
  over those that leave at least two choices on either side: one odd purchase is not a shift.
- switcher: shares over all brands ~ Dirichlet(1, .., 1).

With e ~ Beta(1, 12) integrated out, m matches among n choices have weight B(12 + m, 1 + n - m) / B(12, 1). Favourites are summed
over: all brands never bought as one term with their number, bought brands one by one. Of the bought brands only the most bought
can be favourites; the terms of the others are negligible.

Arrays: n (rows,) choices; seen (rows,) distinct brands; counts (ranks, rows) of the most bought brands, 0 where there are fewer.
All results are natural logarithms, (rows,).
"""

from functools import lru_cache
from itertools import combinations, permutations

import numpy as np
from numpy.typing import NDArray
from scipy.special import comb, gammaln

from features.frames.arrays import Array, BoolArray, IntArray

Weighted = tuple[Array, NDArray[np.generic]]

MIN_BRANDS = 12.0
MATCH_PRIOR, MISS_PRIOR = 12, 1
SHARE_PRIOR = 3
MIN_SIDE = 2  # choices on either side of a shift
BLOCK_CHOICES = 60_000
RANKS = 4
LOG_PRIOR = float(gammaln(MATCH_PRIOR) + gammaln(MISS_PRIOR) - gammaln(MATCH_PRIOR + MISS_PRIOR))
TYPES = ("hard_core", "split", "shifting", "switcher")


def log_hard_core(n: Array, seen: Array, counts: Array) -> Array:
    """Return ln P under one favourite."""
    v = _alphabet(seen)
    terms = [(_log_matches(count, n, v - 1), count > 0) for count in counts]
    return _log_sum([*terms, (_log_matches(0 * n, n, v - 1), v - seen)]) - np.log(v)


def log_split(n: Array, seen: Array, counts: Array) -> Array:
    """Return ln P under two or three favourites, with a prior of one half each."""
    return _log_sum([(_log_split_of_size(size, n, seen, counts), np.full_like(n, 0.5)) for size in (2, 3)])


def log_shifting(n: Array, seen: Array, counts: Array, hits: BoolArray) -> tuple[Array, IntArray]:
    """Return ln P under one shift, and the row of the most likely shift: the first choice of the new favourite's time.

    `hits` (ranks, choices) is true where a choice is the brand of that rank; choices are in order, one sequence after the other,
    and sequence i has n[i] of them. A sequence too short to show a shift (fewer than four choices) gets NaN and -1.
    """
    log_likelihood, shift_row = np.full(len(n), np.nan), np.full(len(n), -1)
    starts = np.cumsum(n) - n
    for ranks in range(1, len(counts) + 1):
        has_ranks = seen >= ranks if ranks == len(counts) else seen == ranks
        for block in _blocks(np.flatnonzero(has_ranks & (n >= 2 * MIN_SIDE)), n):
            rows = _rows(starts[block], n[block])
            log_likelihood[block], shift_index = _log_shifting_block(
                n[block], seen[block], counts[:ranks, block], hits[:ranks, rows]
            )
            shift_row[block] = rows[shift_index]
    return log_likelihood, shift_row


def log_switcher(n: Array, seen: Array, log_factorials: Array) -> Array:
    """Return ln P under no favourite; `log_factorials` is the sum of ln Gamma(1 + count) over the brands bought."""
    v = _alphabet(seen)
    return _log_gamma(v) - _log_gamma(n + v) + log_factorials


def _blocks(sequences: IntArray, n: Array) -> list[IntArray]:
    """Split the sequences into blocks whose working arrays fit into the processor's cache."""
    cuts = np.flatnonzero(np.diff(np.cumsum(n[sequences]) // BLOCK_CHOICES)) + 1
    return np.split(sequences, cuts) if len(sequences) else []


def _rows(starts: Array, n: Array) -> IntArray:
    """Return the rows of all choices of the sequences that begin at `starts`, one sequence after the other."""
    lengths = n.astype(np.int64)
    return np.repeat((starts - (np.cumsum(n) - n)).astype(np.int64), lengths) + np.arange(lengths.sum())


def _log_shifting_block(n: Array, seen: Array, counts: Array, hits: BoolArray) -> tuple[Array, IntArray]:
    """Return `log_shifting` for sequences that are long enough and in which a brand of every rank was bought.

    The terms of a change point depend on the number of matches m alone, so exp L(m) is looked up in a table. The table is scaled
    by the largest L that can occur. L is convex in m, so the largest is at m = 0 or at the most matches that any point reaches.
    """
    lengths = n.astype(np.int64)
    starts, sequence = np.cumsum(lengths) - lengths, np.repeat(np.arange(len(n)), lengths)
    step = np.arange(len(sequence)) - starts[sequence]
    points = np.flatnonzero((step >= MIN_SIDE - 1) & (step < lengths[sequence] - MIN_SIDE))
    point_sequence = sequence[points]
    before = _running_counts(hits, starts, sequence)[:, points]
    after = counts[:, point_sequence].astype(np.int64) - before
    points_per_sequence = lengths - 2 * MIN_SIDE + 1
    first_points = np.cumsum(points_per_sequence) - points_per_sequence
    max_matches = np.maximum.reduceat(before.max(axis=0) + after.max(axis=0), first_points)
    v = _alphabet(seen)
    weights, log_scale, offset = _match_weights(n, seen, max_matches)
    at_point = _sum_of_pairs(before, after, weights, offset[point_sequence], (v - seen)[point_sequence])
    best = np.flatnonzero(at_point == np.maximum.reduceat(at_point, first_points)[point_sequence])
    first_best = best[np.unique(point_sequence[best], return_index=True)[1]]
    log_sum = log_scale + np.log(np.add.reduceat(at_point, first_points))
    log_integral = log_sum - _log_gamma(n + MATCH_PRIOR + MISS_PRIOR) - LOG_PRIOR
    return log_integral - np.log(v * (v - 1)) - np.log(n - 2 * MIN_SIDE + 1), points[first_best] + 1


def _running_counts(hits: BoolArray, starts: IntArray, sequence: IntArray) -> IntArray:
    """Return the number of hits in each sequence up to and including each of its choices."""
    so_far = np.cumsum(hits, axis=1)
    return so_far - (so_far[:, starts] - hits[:, starts])[:, sequence]


def _match_weights(n: Array, seen: Array, max_matches: IntArray) -> tuple[Array, Array, IntArray]:
    """Return exp(L(m) - log_scale) for m = 0 to n of each sequence in turn, log_scale, and where each sequence begins."""
    lengths = n.astype(np.int64) + 1
    offset = np.cumsum(lengths) - lengths
    m = np.arange(lengths.sum()) - np.repeat(offset, lengths)
    log_others = np.log(_alphabet(seen) - 1)
    ends = [
        _log_gamma(k + MATCH_PRIOR) + _log_gamma(n - k + MISS_PRIOR) - (n - k) * log_others
        for k in (0 * n, max_matches.astype(float))
    ]
    log_scale = np.maximum(*ends)
    misses = np.repeat(n, lengths) - m
    logs = _log_gamma(m + MATCH_PRIOR) + _log_gamma(misses + MISS_PRIOR) - misses * np.repeat(log_others, lengths)
    return np.exp(np.minimum(logs - np.repeat(log_scale, lengths), 0)), log_scale, offset


def _sum_of_pairs(before: IntArray, after: IntArray, weights: Array, offset: IntArray, unseen: Array) -> Array:
    """Return the sum over ordered pairs of favourites at each change point: both bought, one of them, or neither."""
    ranks = range(len(before))
    before_index = before + offset
    single = sum(weights[before_index[f]] + weights[offset + after[f]] for f in ranks)
    pair_sum: Array = unseen * single + unseen * (unseen - 1) * weights[offset]
    for f, g in permutations(ranks, 2):
        pair_sum += weights[before_index[f] + after[g]]
    return pair_sum


def log_factorial(count: NDArray[np.generic]) -> Array:
    """Return ln count! of whole numbers."""
    return _log_gamma(count.astype(np.float64) + 1)


def _alphabet(seen: Array) -> Array:
    return np.maximum(seen, MIN_BRANDS)


def _log_split_of_size(size: int, n: Array, seen: Array, counts: Array) -> Array:
    v = _alphabet(seen)
    terms: list[Weighted] = []
    for bought in range(size + 1):
        others = comb(v - seen, size - bought)
        for bought_counts in combinations(counts, bought):
            inside = np.array([*bought_counts, *[0 * n] * (size - bought)])
            log_term = _log_shares(inside) + _log_matches(inside.sum(axis=0), n, v - size)
            terms.append((log_term, others * (inside[:bought] > 0).all(axis=0)))
    return _log_sum(terms) - np.log(comb(v, size))


def _log_matches(m: Array, n: Array, others: Array) -> Array:
    misses = n - m
    log_posterior = _log_gamma(m + MATCH_PRIOR) + _log_gamma(misses + MISS_PRIOR) - _log_gamma(n + MATCH_PRIOR + MISS_PRIOR)
    return log_posterior - LOG_PRIOR - misses * np.log(others)


def _log_shares(counts: Array) -> Array:
    """Return the log Dirichlet-multinomial probability of an ordered sequence with these counts (size, rows) in the set."""
    size = len(counts)
    logs = _log_gamma(counts + SHARE_PRIOR).sum(axis=0) - _log_gamma(counts.sum(axis=0) + size * SHARE_PRIOR)
    constant = float(gammaln(size * SHARE_PRIOR) - size * gammaln(SHARE_PRIOR))
    log_probability: Array = constant + logs
    return log_probability


def _log_gamma(whole: Array) -> Array:
    """Return ln Gamma of whole numbers of at least 1 from a table: all counts here are whole, and a lookup is far faster."""
    index = whole.astype(np.int64)
    return _log_gamma_table(1 << int(index.max(initial=1)).bit_length())[index]


@lru_cache(maxsize=64)
def _log_gamma_table(size: int) -> Array:
    """Return ln Gamma of 0 (infinite, never looked up) to size - 1."""
    table: Array = gammaln(np.arange(size, dtype=np.float64))
    return table


def _log_sum(terms: list[Weighted]) -> Array:
    """Return the logarithm of the weighted sum of exponentials; a weight of zero removes its term."""
    with np.errstate(divide="ignore"):
        logs = np.array([log + np.log(weight) for log, weight in terms])
    highest = logs.max(axis=0)
    log_sum: Array = highest + np.log(np.exp(logs - highest).sum(axis=0))
    return log_sum
