"""Fits that several candidates need, made once: a blend evaluates its members on the same past days as the backtest does."""

from collections import OrderedDict
from collections.abc import Hashable
from concurrent.futures import Future
from threading import Lock

import polars as pl

from models.churn.protocol import Candidate, ChurnModel
from models.snapshot import Snapshot
from models.trees.training import as_of_date

MAX_FITS = 64


class FitCache:
    """The last 64 fits; the oldest is dropped first. Threads may share it."""

    def __init__(self) -> None:
        """Start empty."""
        self._fits: OrderedDict[Hashable, tuple[list[Snapshot], Future[ChurnModel]]] = OrderedDict()
        self._lock = Lock()

    def fit(self, candidate: Candidate, snapshots: list[Snapshot], current: pl.DataFrame) -> ChurnModel:
        """Return what `candidate.fit` returns, or raise what it raises, made once for the same snapshots and day.

        Snapshots are compared by identity, because comparing their frames takes long. Without snapshots, and for a candidate that
        cannot be hashed, nothing is cached.
        """
        if not snapshots or not isinstance(candidate, Hashable):
            return candidate.fit(snapshots, current)
        key = (candidate, as_of_date(current), *(id(snapshot) for snapshot in snapshots))
        with self._lock:
            is_new = key not in self._fits
            _, future = self._fits.setdefault(key, (list(snapshots), Future()))  # kept, so that no id is used again
            if len(self._fits) > MAX_FITS:
                self._fits.popitem(last=False)
        if is_new:
            _complete(future, candidate, snapshots, current)
        return future.result()


def _complete(future: "Future[ChurnModel]", candidate: Candidate, snapshots: list[Snapshot], current: pl.DataFrame) -> None:
    try:
        future.set_result(candidate.fit(snapshots, current))
    except BaseException as error:  # noqa: BLE001  # whoever waits for the fit must be released
        future.set_exception(error)


FITS = FitCache()
