"""From predicted probabilities to the shares that they turned out to be on past days.

The rank of an outcome is the predicted probability of one so early, or so low. If predictions are calibrated, ranks are uniform;
where they are not, their distribution on past days says which prediction to take instead: distributional conformal prediction
(Chernozhukov, Wuethrich and Zhu 2021, doi:10.1073/pnas.2107794118).
"""

from dataclasses import dataclass

import numpy as np

from features.frames.arrays import Array, BoolArray

KNOTS = np.linspace(0.0, 1.0, 21)


@dataclass(frozen=True)
class RankMap:
    """A nondecreasing function from 0 to 1 by its values at KNOTS; the last is below 1 where some outcomes were never seen."""

    values: tuple[float, ...]

    def __call__(self, predicted: Array) -> Array:
        """Return the share of outcomes with a rank up to the predicted probability."""
        share: Array = np.interp(predicted, KNOTS, self.values)
        return share

    def inverse(self, share: Array) -> Array:
        """Return the predicted probability up to which this share of ranks lies; infinity where the share was never reached."""
        return np.where(share > self.values[-1], np.inf, np.interp(share, self.values, KNOTS))


IDENTITY = RankMap(tuple(KNOTS.tolist()))


def fit_rank_map(ranks: Array, is_seen: BoolArray, weight: Array, days: int) -> RankMap:
    """Return the distribution of ranks in [0, 1], shrunk to a uniform one by how many past `days` it rests on.

    Where `is_seen` is false the outcome is still open, and its rank is at least the one given: the estimator of Kaplan and Meier
    (1958), doi:10.1080/01621459.1958.10501452, with weights. Ranks of one day deviate together, because a season moves all
    customers; so a day counts as one observation, and the uniform distribution as another.
    """
    if not days or not len(ranks):
        return IDENTITY
    order = np.argsort(ranks, kind="stable")
    ranks, is_seen, weight = ranks[order], is_seen[order], weight[order]
    at_risk = np.cumsum(weight[::-1])[::-1]
    share = np.concatenate([[0.0], 1 - np.cumprod(1 - np.where(is_seen, weight, 0.0) / at_risk)])
    at_knots = share[np.searchsorted(ranks, KNOTS, side="right")]
    values = (days * at_knots + KNOTS) / (days + 1)
    values[0] = 0.0
    return RankMap(tuple(np.minimum(np.maximum.accumulate(values), 1.0).tolist()))
