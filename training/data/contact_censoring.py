"""Windows in which nothing special was done: those that the risk "if nothing special is done" is learned from.

A customer who was contacted in a window no longer shows what would have come without it. Dropping every contacted customer
would drop those who ordered first and were thanked for it, and so call nearly everybody lost; keeping those who ordered before
they were contacted would keep too many of them, because whoever orders early has less time to be contacted. So a contact ends
the window before its time (censoring), and those who ordered before a contact could come are thinned by the chance that
none would have come in the rest of the window: inverse-probability-of-censoring weights (Robins and Finkelstein 2000,
doi:10.1111/j.0006-341X.2000.00779.x), as a sample without weights.
"""

from dataclasses import replace

import numpy as np
import polars as pl

from features.frames.columns import CUSTOMER
from models.log_odds import Array
from models.snapshot import MIN_CUSTOMERS, Snapshot

ENOUGH, ENOUGH_SHARE = 1_000, 0.5
SEED = 11
LARGEST = 2.0**64


def untreated_windows(snapshots: list[Snapshot]) -> tuple[list[Snapshot], str | None]:
    """Return the snapshots without the customers who were contacted, and a sentence where that could not be done.

    It cannot where fewer than a thousand customer windows, and less than half of all, would be left: then all are kept.
    """
    bare = [replace(snapshot, frame=untreated(snapshot.frame, snapshot.horizon_days)) for snapshot in snapshots]
    rows, left = (sum(snapshot.frame.height for snapshot in each) for each in (snapshots, bare))
    if left < min(ENOUGH, ENOUGH_SHARE * rows):
        return snapshots, (
            f"Only {left:,} of {rows:,} customer windows were without a contact, too few to learn from: p_churn is the risk "
            "with contacts as usual. Hold out a control group to learn what happens without."
        )
    return [snapshot for snapshot in bare if snapshot.frame.height >= MIN_CUSTOMERS], None


def untreated(frame: pl.DataFrame, horizon_days: int) -> pl.DataFrame:
    """Return the rows that show what happens without a contact; `frame` has the columns of `with_waits`.

    Which of those who ordered early are left out is told by a hash of their id.
    """
    if frame["contact_wait"].null_count() == frame.height:
        return frame
    ordered = frame["order_wait"].fill_null(np.inf).to_numpy()
    contacted = frame["contact_wait"].fill_null(np.inf).to_numpy()
    without = _share_without(np.minimum(ordered, horizon_days), contacted)
    luck = frame.select(pl.col(CUSTOMER).hash(seed=SEED)).to_series().to_numpy() / LARGEST
    kept = (contacted > ordered) | np.isinf(contacted)
    return frame.filter(pl.Series(kept & (luck < without)))


def _share_without(until: Array, contacted: Array) -> Array:
    """Return, of those not contacted until each time, the share expected to stay so to the end of the window.

    Kaplan and Meier (1958), doi:10.1080/01621459.1958.10501452, of the time to a contact, which an order ends the watch for.
    A contact at the very moment of an order came first.
    """
    first = contacted <= until
    watched = np.where(first, contacted, until)
    times, contacts = np.unique(watched[first], return_counts=True)
    at_risk = len(watched) - np.searchsorted(np.sort(watched), times, side="left")
    survived = np.concatenate([[1.0], np.cumprod(1 - contacts / at_risk)])
    so_far = survived[np.searchsorted(times, until, side="right")]
    without: Array = np.divide(survived[-1], so_far, out=np.zeros_like(so_far), where=so_far > 0)
    return without
