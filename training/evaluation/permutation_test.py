"""A check of training itself: no candidate can predict outcomes that were shuffled, whatever way they might leak.

The outcomes of each past day are permuted among its customers while all features stay in place, and the candidate is evaluated
as in the backtest. An AUC significantly away from one half means that the candidate saw the outcomes of the window it predicts:
overlapping windows, outcomes among the features, a candidate that looks them up. (Permutation test: Ojala and Garriga 2010,
Journal of Machine Learning Research 11, 1833-1863.)
"""

from dataclasses import replace
from math import sqrt

import numpy as np

from features.frames.arrays import Array
from features.labels import OUTCOMES
from features.tables.schema import Tables
from models.churn.protocol import Candidate
from models.errors import TooLittleDataError
from models.snapshot import Snapshot
from training.data.leakage_checks import LeakageError
from training.data.snapshots import closed_before
from training.metrics import auc

SEED = 13
MAX_STANDARD_ERRORS = 4.5  # by chance alone, exceeded in fewer than one of a hundred thousand trainings


def refuse_predictable_shuffles(candidate: Candidate, snapshots: list[Snapshot], tables: Tables) -> None:
    """Raise LeakageError where the candidate predicts the shuffled outcomes of the newest window.

    It is fitted on the windows closed before that one began. Without such windows, or with too little data in them, nothing is
    checked.
    """
    if not snapshots:
        return
    newest, closed = snapshots[-1], closed_before(snapshots, tables, snapshots[-1].as_of)
    shuffled = [shuffle_outcomes(snapshot, index) for index, snapshot in enumerate(closed)]
    test = shuffle_outcomes(newest, len(closed))
    current = test.features
    try:
        p = candidate.fit(shuffled, current).p_churn(current).to_numpy()
    except TooLittleDataError:
        return
    value = significant_auc(test.frame["churned"].to_numpy().astype(np.float64), p)
    if value is not None:
        raise LeakageError(
            f"Candidate {candidate.name} predicts outcomes that were shuffled among the customers, with an AUC of {value:.3f} "
            f"instead of 0.5: it sees what happened after {newest.as_of}. Check the windows it learns from."
        )


def significant_auc(churned: Array, p: Array) -> float | None:
    """Return the AUC where it differs from one half by more than 4.5 standard errors, else None.

    The standard error is that of the rank-sum statistic (Mann and Whitney 1947) without ties, which is the largest.
    """
    churners, stayers = float(churned.sum()), float(len(churned) - churned.sum())
    if not churners or not stayers:
        return None
    value = auc(churned, p)
    limit = MAX_STANDARD_ERRORS * sqrt((churners + stayers + 1) / (12 * churners * stayers))
    return value if abs(value - 0.5) > limit else None


def shuffle_outcomes(snapshot: Snapshot, index: int) -> Snapshot:
    """Return the snapshot with its outcomes permuted among the customers; each set of outcomes stays together.

    The permutation differs by `index`.
    """
    frame = snapshot.frame
    order = np.random.default_rng([SEED, index]).permutation(frame.height)
    outcomes = [name for name in OUTCOMES if name in frame.columns]
    return replace(snapshot, frame=frame.with_columns(frame.select(outcomes)[order].get_columns()))
