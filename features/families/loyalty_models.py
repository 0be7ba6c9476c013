"""Four ways to choose a brand, as closed-form marginal likelihoods of a sequence of choices.

Kotler's loyalty types read as generating models over a nominal alphabet of V brands (at least 12, and never
fewer than were bought). Every model gives the first choice probability 1/V, so nothing is learned from one
purchase, and no model knows a brand's name:

- hard_core: one favourite, drawn uniformly; each choice is it with probability 1 - e, else any other brand.
- split: two or three favourites in shares q ~ Dirichlet(3, .., 3); a choice outside them with probability e.
- shifting: one favourite before a change point, another after it; others with probability e. The change point
  is uniform over those that leave at least two choices on either side: one odd purchase is no shift.
- switcher: shares over all brands ~ Dirichlet(1, .., 1).

With e ~ Beta(1, 12), integrated out: m matches among n choices have weight B(12 + m, 1 + n - m) / B(12, 1).
Favourites are summed over: those never bought as one term with their number, those bought one by one. Of the
bought ones the most bought can be favourites; the terms of the others carry next to nothing.

Arrays: n (rows,) choices; seen (rows,) different brands; counts (ranks, rows) of the most bought, 0 where there
are fewer. All results are natural logarithms, (rows,).
"""

from functools import lru_cache
from itertools import combinations, permutations

import numpy as np
from numpy.typing import NDArray
from scipy.special import comb, gammaln

Array = NDArray[np.float64]
Weighted = tuple[Array, NDArray[np.generic]]

MIN_BRANDS = 12.0
MATCH, MISS = 12, 1
SHARE = 3
SIDE = 2
BLOCK_CHOICES = 60_000
RANKS = 4
LOG_PRIOR = float(gammaln(MATCH) + gammaln(MISS) - gammaln(MATCH + MISS))
TYPES = ("hard_core", "split", "shifting", "switcher")


def log_hard_core(n: Array, seen: Array, counts: Array) -> Array:
    """Return ln P under one favourite."""
    v = _alphabet(seen)
    terms = [(_log_matches(count, n, v - 1), count > 0) for count in counts]
    return _log_sum([*terms, (_log_matches(0 * n, n, v - 1), v - seen)]) - np.log(v)


def log_split(n: Array, seen: Array, counts: Array) -> Array:
    """Return ln P under two favourites or three, one half each."""
    return _log_sum([(_log_split_of(size, n, seen, counts), np.full_like(n, 0.5)) for size in (2, 3)])


def log_shifting(n: Array, seen: Array, counts: Array, hits: NDArray[np.bool_]) -> tuple[Array, NDArray[np.int64]]:
    """Return ln P under one shift, and the row with which it most likely came: the first of the new favourite's time.

    `hits` (ranks, choices) says of every choice of every sequence, in order and one sequence after the other, whether it
    is the brand of that rank; sequence i has n[i] choices. Too short to show a shift (fewer than four): NaN and -1.
    """
    found, row = np.full(len(n), np.nan), np.full(len(n), -1)
    starts = np.cumsum(n) - n
    for ranks in range(1, len(counts) + 1):
        at_most = seen >= ranks if ranks == len(counts) else seen == ranks
        for block in _blocks(np.flatnonzero(at_most & (n >= 2 * SIDE)), n):
            rows = _rows(starts[block], n[block])
            parts = n[block], seen[block], counts[:ranks, block], hits[:ranks, rows]
            found[block], place = _log_shifting_block(*parts)
            row[block] = rows[place]
    return found, row


def log_switcher(n: Array, seen: Array, log_factorials: Array) -> Array:
    """Return ln P under no favourite; `log_factorials` is the sum of ln Gamma(1 + count) over the brands bought."""
    v = _alphabet(seen)
    return _log_gamma(v) - _log_gamma(n + v) + log_factorials


def _blocks(sequences: NDArray[np.int64], n: Array) -> list[NDArray[np.int64]]:
    """Cut the sequences so that a block's working arrays stay in the processor's cache."""
    cuts = np.flatnonzero(np.diff(np.cumsum(n[sequences]) // BLOCK_CHOICES)) + 1
    return np.split(sequences, cuts) if len(sequences) else []


def _rows(starts: Array, n: Array) -> NDArray[np.int64]:
    """The places of all choices of sequences that begin at `starts`, one sequence after the other."""
    lengths = n.astype(np.int64)
    return np.repeat((starts - (np.cumsum(n) - n)).astype(np.int64), lengths) + np.arange(lengths.sum())


def _log_shifting_block(n: Array, seen: Array, counts: Array, hits: NDArray[np.bool_]) -> tuple[Array, NDArray[np.int64]]:
    """As `log_shifting`, of sequences that are long enough and have bought every one of the ranks.

    A change point's terms depend on whole numbers of matches m alone, so exp L(m) is looked up. Its scale is the largest
    L that can occur: L is convex in m, so that is at one of the ends, 0 or the most matches that any point reaches.
    """
    lengths = n.astype(np.int64)
    starts, sequence = np.cumsum(lengths) - lengths, np.repeat(np.arange(len(n)), lengths)
    step = np.arange(len(sequence)) - starts[sequence]
    points = np.flatnonzero((step >= SIDE - 1) & (step < lengths[sequence] - SIDE))
    of = sequence[points]
    before = _running(hits, starts, sequence)[:, points]
    after = counts[:, of].astype(np.int64) - before
    firsts = np.cumsum(lengths - 2 * SIDE + 1) - (lengths - 2 * SIDE + 1)
    most = np.maximum.reduceat(before.max(axis=0) + after.max(axis=0), firsts)
    weights, high, offset = _weights(n, seen, most)
    at = _sum_of_pairs(before, after, weights, offset[of], (_alphabet(seen) - seen)[of])
    best = np.flatnonzero(at == np.maximum.reduceat(at, firsts)[of])
    v, first_best = _alphabet(seen), best[np.unique(of[best], return_index=True)[1]]
    found = high + np.log(np.add.reduceat(at, firsts)) - _log_gamma(n + MATCH + MISS) - LOG_PRIOR
    return found - np.log(v * (v - 1)) - np.log(n - 2 * SIDE + 1), points[first_best] + 1


def _running(hits: NDArray[np.bool_], starts: NDArray[np.int64], sequence: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many hits there were up to and with each choice of its sequence."""
    so_far = np.cumsum(hits, axis=1)
    return so_far - (so_far[:, starts] - hits[:, starts])[:, sequence]


def _weights(n: Array, seen: Array, most: NDArray[np.int64]) -> tuple[Array, Array, NDArray[np.int64]]:
    """Exp of L(m) less its highest, for m = 0 to n of each sequence in a row; the highest; and where each row begins."""
    lengths = n.astype(np.int64) + 1
    offset = np.cumsum(lengths) - lengths
    m = np.arange(lengths.sum()) - np.repeat(offset, lengths)
    log_others = np.log(_alphabet(seen) - 1)
    ends = [_log_gamma(k + MATCH) + _log_gamma(n - k + MISS) - (n - k) * log_others for k in (0 * n, most.astype(float))]
    high = np.maximum(*ends)
    misses = np.repeat(n, lengths) - m
    logs = _log_gamma(m + MATCH) + _log_gamma(misses + MISS) - misses * np.repeat(log_others, lengths)
    return np.exp(np.minimum(logs - np.repeat(high, lengths), 0)), high, offset


def _sum_of_pairs(
    before: NDArray[np.int64], after: NDArray[np.int64], weights: Array, offset: NDArray[np.int64], unseen: Array
) -> Array:
    """Sum over ordered pairs of favourites at each change point: both bought, one of them, none."""
    ranks = range(len(before))
    from_here = before + offset
    single = sum(weights[from_here[f]] + weights[offset + after[f]] for f in ranks)
    found: Array = unseen * single + unseen * (unseen - 1) * weights[offset]
    for f, g in permutations(ranks, 2):
        found += weights[from_here[f] + after[g]]
    return found


def log_factorial(count: NDArray[np.generic]) -> Array:
    """Return ln count! of whole numbers."""
    return _log_gamma(count.astype(np.float64) + 1)


def _alphabet(seen: Array) -> Array:
    return np.maximum(seen, MIN_BRANDS)


def _log_split_of(size: int, n: Array, seen: Array, counts: Array) -> Array:
    v = _alphabet(seen)
    terms: list[Weighted] = []
    for bought in range(size + 1):
        others = comb(v - seen, size - bought)
        for chosen in combinations(counts, bought):
            inside = np.array([*chosen, *[0 * n] * (size - bought)])
            log = _log_shares(inside) + _log_matches(inside.sum(axis=0), n, v - size)
            terms.append((log, others * (inside[:bought] > 0).all(axis=0)))
    return _log_sum(terms) - np.log(comb(v, size))


def _log_matches(m: Array, n: Array, others: Array) -> Array:
    misses = n - m
    matched = _log_gamma(m + MATCH) + _log_gamma(misses + MISS) - _log_gamma(n + MATCH + MISS)
    return matched - LOG_PRIOR - misses * np.log(others)


def _log_shares(counts: Array) -> Array:
    """Dirichlet-multinomial of an ordered sequence with these counts (size, rows) inside the set."""
    size = len(counts)
    logs = _log_gamma(counts + SHARE).sum(axis=0) - _log_gamma(counts.sum(axis=0) + size * SHARE)
    constant = float(gammaln(size * SHARE) - size * gammaln(SHARE))
    summed: Array = constant + logs
    return summed


def _log_gamma(whole: Array) -> Array:
    """Ln Gamma of whole numbers of at least 1, looked up: every count here is one, and a look-up is far quicker."""
    place = whole.astype(np.int64)
    return _log_gammas(1 << int(place.max(initial=1)).bit_length())[place]


@lru_cache(maxsize=64)
def _log_gammas(size: int) -> Array:
    """Ln Gamma of 0 (infinite, never asked for) to size - 1."""
    table: Array = gammaln(np.arange(size, dtype=np.float64))
    return table


def _log_sum(terms: list[Weighted]) -> Array:
    """Logarithm of the weighted sum of exponentials; a weight of zero takes its term out."""
    with np.errstate(divide="ignore"):
        logs = np.array([log + np.log(weight) for log, weight in terms])
    high = logs.max(axis=0)
    found: Array = high + np.log(np.exp(logs - high).sum(axis=0))
    return found
