"""What every model of spend in the churn window can do, and how it is fitted."""

from pathlib import Path
from typing import Protocol

import polars as pl

from models.snapshot import Snapshot

FOLDER, FILE = "value", "value.json"  # beside the churn model, in a folder of its own


class ValueModel(Protocol):
    """A fitted model of a customer's net spend in the next H days; frames as for a ChurnModel, currency as in the tables."""

    @property
    def name(self) -> str:
        """Name of the candidate, as the leaderboard shows it."""
        ...

    def expected(self, frame: pl.DataFrame) -> pl.Series:
        """Return the expected spend of each row, >= 0."""
        ...

    def quantile(self, frame: pl.DataFrame, at: float) -> pl.Series | None:
        """Return the spend that is not exceeded with probability `at`; None where the model has no spread."""
        ...


class ValueCandidate(Protocol):
    """A way to fit a value model on past snapshots, oldest first, all of them closed."""

    @property
    def name(self) -> str:
        """Name on the leaderboard."""
        ...

    def fit(self, snapshots: list[Snapshot], current: pl.DataFrame, /) -> ValueModel:
        """Return the fitted model; arguments and errors as those of a churn Candidate."""
        ...


class SavedValueModel(ValueModel, Protocol):
    """A value model that can serve: it keeps itself as data."""

    def save(self, folder: Path) -> None:
        """Write the model as data into an existing folder, which may hold a churn model too."""
        ...


class ValueLearner(Protocol):
    """A value candidate whose model may become champion."""

    @property
    def name(self) -> str:
        """Name on the leaderboard."""
        ...

    def fit(self, snapshots: list[Snapshot], current: pl.DataFrame, /) -> SavedValueModel:
        """Return the fitted model, as for a ValueCandidate."""
        ...

    def load(self, folder: Path, /) -> SavedValueModel:
        """Return the model that `save` of one of this kind wrote."""
        ...
