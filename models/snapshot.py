"""One past day as a training example: the features known before it, and the outcomes of the window that starts on it."""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from features.labels import OUTCOMES
from models.btyd.pair import BuyTillYouDie

DECAY = 0.5  # weight of a past window compared with the next newer one: shops change
MAX_WINDOWS = 4  # past windows that do not overlap, to weigh models by
MIN_CUSTOMERS = 30  # with fewer, a day or a window says nothing reliable


@dataclass(frozen=True)
class Snapshot:
    """Features and labels of every customer with a purchase before `as_of`, with the BTYD columns.

    `btyd` was fitted on these same features, so only the labels in `frame` are newer than `as_of`.
    """

    as_of: date
    horizon_days: int
    frame: pl.DataFrame
    btyd: BuyTillYouDie

    @property
    def features(self) -> pl.DataFrame:
        """Return the frame without the labels: what a model may see when it predicts them."""
        return self.frame.drop(OUTCOMES, strict=False)

    @property
    def closed_on(self) -> date:
        """Return the first day on which the labels are known: the exclusive end of their window."""
        return self.as_of + timedelta(days=self.horizon_days)


def windows_apart(snapshots: list[Snapshot], max_windows: int) -> list[Snapshot]:
    """Return the newest snapshots whose windows do not overlap, oldest first."""
    chosen: list[Snapshot] = []
    for snapshot in reversed(snapshots):
        if len(chosen) < max_windows and (not chosen or snapshot.closed_on <= chosen[-1].as_of):
            chosen.append(snapshot)
    return chosen[::-1]
