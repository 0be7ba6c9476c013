"""A cache of trained boosters, shared by the candidates that build on the same trees."""

from collections import deque
from threading import Lock

import lightgbm as lgb

from models.trees.training import BoosterSpec, train_boosters

MAX_CACHED = 16


class BoosterCache:
    """The boosters of the last sixteen specifications; the oldest is dropped first. Threads may share it.

    The value hybrid and the blend contain the churn hybrid, and two value models share the trees of who buys. Candidates with
    the same cache train such trees once. `models/registry.py` gives its candidates one cache; others have their own.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._entries: deque[tuple[BoosterSpec, tuple[lgb.Booster, lgb.Booster]]] = deque(maxlen=MAX_CACHED)
        self._lock = Lock()

    def train(self, spec: BoosterSpec) -> tuple[lgb.Booster, lgb.Booster]:
        """Return what `train_boosters` returns for this specification, trained unless it is cached."""
        with self._lock:
            cached = next((boosters for entry, boosters in self._entries if entry.matches(spec)), None)
        if cached is not None:
            return cached
        boosters = train_boosters(spec)
        with self._lock:
            self._entries.append((spec, boosters))
        return boosters
