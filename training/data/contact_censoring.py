"""Windows without contacts: the data for the churn risk "if nothing special is done".

A customer contacted within a window no longer shows what would have happened without the contact. Dropping every contacted
customer would drop those who ordered first and were thanked for it, so nearly all others would count as lost. Keeping those who
ordered before they were contacted would keep too many of them: an early order leaves less time to be contacted.

So a contact censors the window, and customers who ordered before a possible contact are thinned by the probability of no
contact in the rest of the window: inverse-probability-of-censoring weights (Robins and Finkelstein 2000,
doi:10.1111/j.0006-341X.2000.00779.x), realised as an unweighted sample.
"""

from dataclasses import replace

import numpy as np
import polars as pl

from features.frames.arrays import Array
from features.frames.columns import CUSTOMER
from models.snapshot import MIN_CUSTOMERS, Snapshot

MIN_WINDOWS, MIN_WINDOW_SHARE = 1_000, 0.5
SEED = 11
HASH_RANGE = 2.0**64


def drop_contacted_windows(snapshots: list[Snapshot]) -> tuple[list[Snapshot], str | None]:
    """Return the snapshots without contacted customers, and None; or all snapshots, and a note on why they were kept.

    All are kept where fewer than a thousand customer windows, and less than half of all, would remain.
    """
    without = [replace(snapshot, frame=untreated_rows(snapshot.frame, snapshot.horizon_days)) for snapshot in snapshots]
    total, remaining = (sum(snapshot.frame.height for snapshot in group) for group in (snapshots, without))
    if remaining < min(MIN_WINDOWS, MIN_WINDOW_SHARE * total):
        return snapshots, (
            f"Only {remaining:,} of {total:,} customer windows were without a contact, too few to learn from: p_churn is the "
            "risk with contacts as usual. Hold out a control group to learn the risk without them."
        )
    return [snapshot for snapshot in without if snapshot.frame.height >= MIN_CUSTOMERS], None


def untreated_rows(frame: pl.DataFrame, horizon_days: int) -> pl.DataFrame:
    """Return the rows that show what happens without a contact; `frame` has the columns of `with_waits`.

    A hash of the customer id decides which customers with an early order are left out.
    """
    if frame["contact_wait"].null_count() == frame.height:
        return frame
    ordered = frame["order_wait"].fill_null(np.inf).to_numpy()
    contacted = frame["contact_wait"].fill_null(np.inf).to_numpy()
    p_uncontacted = _remaining_uncontacted(np.minimum(ordered, horizon_days), contacted)
    uniform = frame.select(pl.col(CUSTOMER).hash(seed=SEED)).to_series().to_numpy() / HASH_RANGE
    uncensored = (contacted > ordered) | np.isinf(contacted)
    return frame.filter(pl.Series(uncensored & (uniform < p_uncontacted)))


def _remaining_uncontacted(until: Array, contacted: Array) -> Array:
    """Return, of the customers not contacted until each time, the share expected without a contact to the end of the window.

    The estimator of Kaplan and Meier (1958), doi:10.1080/01621459.1958.10501452, for the time to a contact, censored by an
    order. A contact at the moment of an order counts as the first of both.
    """
    contact_first = contacted <= until
    observed = np.where(contact_first, contacted, until)
    times, contacts = np.unique(observed[contact_first], return_counts=True)
    at_risk = len(observed) - np.searchsorted(np.sort(observed), times, side="left")
    survival = np.concatenate([[1.0], np.cumprod(1 - contacts / at_risk)])
    until_now = survival[np.searchsorted(times, until, side="right")]
    remaining: Array = np.divide(survival[-1], until_now, out=np.zeros_like(until_now), where=until_now > 0)
    return remaining
