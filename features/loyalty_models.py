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

FEWEST_BRANDS = 12.0
MATCH, MISS = 12, 1
SHARE = 3
SIDE = 2
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


def log_shifting_at(n: Array, seen: Array, before: Array, counts: Array) -> Array:
    """Return ln P of the change after a given choice, up to which `before` of each of `counts` had come."""
    v = _alphabet(seen)
    unseen, after, bought = v - seen, counts - before, counts > 0
    pairs = [(before[f] + after[g], bought[f] & bought[g]) for f, g in permutations(range(len(counts)), 2)]
    half = [(matches[f], bought[f] * unseen) for matches in (before, after) for f in range(len(counts))]
    terms = [(_log_matches(m, n, v - 1), weight) for m, weight in (*pairs, *half, (0 * n, unseen * (unseen - 1)))]
    return _log_sum(terms) - np.log(v * (v - 1)) - np.log(n - 2 * SIDE + 1)


def log_switcher(n: Array, seen: Array, log_factorials: Array) -> Array:
    """Return ln P under no favourite; `log_factorials` is the sum of ln Gamma(1 + count) over the brands bought."""
    v = _alphabet(seen)
    return _log_gamma(v) - _log_gamma(n + v) + log_factorials


def _alphabet(seen: Array) -> Array:
    return np.maximum(seen, FEWEST_BRANDS)


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
