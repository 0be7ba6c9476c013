"""Four ways to choose a brand, as closed-form marginal likelihoods of a sequence of choices.

Kotler's loyalty types read as generating models over a nominal alphabet of V brands. Every model gives the
first choice probability 1/V, so nothing is learned from one purchase, and no model knows a brand's name:

- hard_core: one favourite, drawn uniformly; each choice is it with probability 1 - e, else any other brand.
- split: two or three favourites in shares q ~ Dirichlet(3, .., 3); a choice outside them with probability e.
- shifting: one favourite before a change point, another after it; others with probability e. The change point
  is uniform over those that leave at least two choices on either side: one odd purchase is no shift.
- switcher: shares over all brands ~ Dirichlet(1, .., 1).

With e ~ Beta(1, 12), integrated out: m matches among n choices have weight B(12 + m, 1 + n - m) / B(12, 1).
Favourites other than the three most bought ones are left out of the sums; they carry next to no weight.
"""

import math

import polars as pl

from features.log_gamma import log_beta, log_gamma

BRANDS = 12
MATCH, MISS = 12.0, 1.0
SIDE = 2
SHARE = 3.0
TYPES = ("hard_core", "split", "shifting", "switcher")


def log_hard_core(n: pl.Expr, top: pl.Expr) -> pl.Expr:
    """Return ln P of n choices of which `top` are the favourite."""
    return _log_matches(top, n, others=BRANDS - 1) - math.log(BRANDS)


def log_split(n: pl.Expr, top: tuple[pl.Expr, pl.Expr, pl.Expr]) -> pl.Expr:
    """Return ln P of n choices whose three most bought brands have the counts `top`, in falling order.

    A favourite that was never bought can be any of the brands not seen, hence the last term of each.
    """
    two = _log_shares(list(top[:2])) + _log_matches(top[0] + top[1], n, others=BRANDS - 2) - math.log(math.comb(BRANDS, 2))
    unseen = pl.when(top[1] == 0).then(math.log(BRANDS - 1)).otherwise(0.0)
    three = _log_shares(list(top)) + _log_matches(top[0] + top[1] + top[2], n, others=BRANDS - 3) - math.log(math.comb(BRANDS, 3))
    last = (
        pl.when(top[1] == 0).then(math.log(math.comb(BRANDS - 1, 2))).when(top[2] == 0).then(math.log(BRANDS - 2)).otherwise(0.0)
    )
    return _log_add(two + unseen, three + last) - math.log(2)


def log_shifting_at(n: pl.Expr, matches: pl.Expr) -> pl.Expr:
    """Return ln P of n choices for one pair of favourites and one change point, with `matches` as foretold."""
    return _log_matches(matches, n, others=BRANDS - 1) - math.log(BRANDS * (BRANDS - 1)) - (n - 2 * SIDE + 1).log()


def log_switcher(n: pl.Expr, log_factorials: pl.Expr) -> pl.Expr:
    """Return ln P of n choices; `log_factorials` is the sum of ln Gamma(1 + count) over the brands bought."""
    return math.lgamma(BRANDS) - log_gamma(n + BRANDS) + log_factorials


def _log_matches(m: pl.Expr, n: pl.Expr, others: int) -> pl.Expr:
    misses = n - m
    return log_beta(m + MATCH, misses + MISS) - _log_beta(MATCH, MISS) - misses * math.log(others)


def _log_shares(counts: list[pl.Expr]) -> pl.Expr:
    """Dirichlet-multinomial of an ordered sequence with these counts inside the set."""
    k, total = len(counts), counts[0]
    logs = log_gamma(counts[0] + SHARE)
    for count in counts[1:]:
        total, logs = total + count, logs + log_gamma(count + SHARE)
    return math.lgamma(k * SHARE) - k * math.lgamma(SHARE) + logs - log_gamma(total + k * SHARE)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _log_add(a: pl.Expr, b: pl.Expr) -> pl.Expr:
    high = pl.max_horizontal(a, b)
    return high + ((a - high).exp() + (b - high).exp()).log()
