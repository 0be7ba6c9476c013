"""An alarm for training itself: answers that were shuffled cannot be foretold, by whatever road they might leak.

Answers change hands between the customers of each past day, all features staying where they are, and the candidate is judged
as in the backtest. An AUC away from one half by more than chance means that it saw the answers of the window it is judged on:
windows that overlap, answers among the features, a candidate that looks them up. (Permutation test: Ojala and Garriga 2010,
Journal of Machine Learning Research 11, 1833-1863.)
"""

from dataclasses import replace
from math import sqrt

import numpy as np

from features.labels import ANSWERS
from features.tables.schema import Tables
from models.churn.protocol import Candidate
from models.errors import TooLittleDataError
from models.snapshot import Snapshot
from training.data.leakage_checks import LeakageError
from training.data.snapshots import answered_before
from training.metrics import Array, auc

SEED = 13
SURE = 4.5  # standard errors: chance alone goes so far once in more than a hundred thousand trainings


def refuse_predictable_shuffles(candidate: Candidate, snapshots: list[Snapshot], tables: Tables) -> None:
    """Raise LeakageSuspected where the candidate foretells shuffled answers of the newest window.

    What it learns from are the windows closed before that one began; nothing is told where there are none, or too little.
    """
    if not snapshots:
        return
    newest, history = snapshots[-1], answered_before(snapshots, tables, snapshots[-1].as_of)
    mixed = [shuffled(snapshot, place) for place, snapshot in enumerate(history)]
    judged = shuffled(newest, len(history))
    present = judged.asked
    try:
        p = candidate.fit(mixed, present).p_churn(present).to_numpy()
    except TooLittleDataError:
        return
    found = predicted_shuffle(judged.frame["churned"].to_numpy().astype(np.float64), p)
    if found is not None:
        raise LeakageError(
            f"Candidate {candidate.name} foretells answers that were shuffled among the customers, with an AUC of {found:.3f} "
            f"where one half is due: it sees what came after {newest.as_of}. Look at the windows it learns from."
        )


def predicted_shuffle(churned: Array, p: Array) -> float | None:
    """Return the AUC where it is away from one half by more than chance, else None.

    The standard error is that of the rank-sum statistic (Mann and Whitney 1947) without ties, which is the largest.
    """
    left, stayed = float(churned.sum()), float(len(churned) - churned.sum())
    if not left or not stayed:
        return None
    found = auc(churned, p)
    return found if abs(found - 0.5) > SURE * sqrt((left + stayed + 1) / (12 * left * stayed)) else None


def shuffled(snapshot: Snapshot, place: int) -> Snapshot:
    """Return the snapshot with its answers among other customers, each set of answers as a whole; another order per place."""
    frame = snapshot.frame
    order = np.random.default_rng([SEED, place]).permutation(frame.height)
    answers = [name for name in ANSWERS if name in frame.columns]
    return replace(snapshot, frame=frame.with_columns(frame.select(answers)[order].get_columns()))
