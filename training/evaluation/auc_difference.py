"""How two candidates' AUC differ on the same customers, with a standard error, without resampling.

DeLong, DeLong and Clarke-Pearson (1988), doi:10.2307/2531595: an AUC is a mean of placements, the shares of customers of the
other outcome that a customer's prediction lies above or below. Obuchowski (1997), doi:10.2307/2533958, sums them by cluster: here
the customer, whose windows at several origins are not independent. The AUC is that within origins, because a level that differs
from day to day says nothing about who is at risk.
"""

import numpy as np
import polars as pl
from scipy.stats import rankdata

from features.frames.arrays import Array, BoolArray
from features.frames.columns import CUSTOMER
from training.evaluation.bootstrap import clustered_error


def auc_difference(rows: pl.DataFrame, first: str, second: str) -> tuple[float, float] | None:
    """Return the AUC of column `first` less that of `second`, and its standard error over customers.

    `rows` have customer_id, origin and churned. The AUC is the mean over origins, weighted by rows. None without an origin in
    which both outcomes occur.
    """
    parts = [part for _, part in rows.group_by("origin", maintain_order=True) if 0 < part["churned"].mean() < 1]  # type: ignore[operator]
    total = sum(part.height for part in parts)
    if not total:
        return None
    difference, influences = 0.0, []
    for part in parts:
        churned, weight = (part["churned"] == 1).to_numpy(), part.height / total
        (auc, own), (other_auc, other) = (_auc_with_influence(churned, part[name].to_numpy()) for name in (first, second))
        difference += weight * (auc - other_auc)
        influences.append(part.select(CUSTOMER, pl.Series("influence", weight * (own - other))))
    rows_by_day = pl.concat(influences)
    return difference, clustered_error(rows_by_day[CUSTOMER], rows_by_day["influence"].to_numpy())


def _auc_with_influence(churned: BoolArray, p: Array) -> tuple[float, Array]:
    """Return the AUC, and by how much each row moves it."""
    ranks, placements = rankdata(p), np.empty(len(p))
    churners, stayers = int(churned.sum()), int((~churned).sum())
    placements[churned] = (ranks[churned] - rankdata(p[churned])) / stayers
    placements[~churned] = 1 - (ranks[~churned] - rankdata(p[~churned])) / churners
    auc = float(placements[churned].mean())
    influence: Array = (placements - auc) / np.where(churned, churners, stayers)
    return auc, influence
