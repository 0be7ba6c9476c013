"""What every model of spend in the churn window and its candidate provide."""

from pathlib import Path
from typing import Protocol

import polars as pl

from models.snapshot import Snapshot

VALUE_FOLDER, VALUE_FILE = "value", "value.json"  # the folder is beside the churn model's files


class ValueModel(Protocol):
    """A fitted model of a customer's net spend in the next H days; frames as for a ChurnModel, currency as in the tables."""

    @property
    def name(self) -> str:
        """Name of the candidate, as the leaderboard shows it."""
        ...

    def expected(self, frame: pl.DataFrame) -> pl.Series:
        """Return the expected spend of each row, >= 0."""
        ...

    def quantile(self, frame: pl.DataFrame, probability: float) -> pl.Series | None:
        """Return the quantile of spend at `probability`, in (0, 1); None if the model predicts no distribution."""
        ...


class ValueCandidate(Protocol):
    """A way to fit a value model on past snapshots, oldest first, all of them closed."""

    @property
    def name(self) -> str:
        """Name on the leaderboard."""
        ...

    def fit(self, snapshots: list[Snapshot], current: pl.DataFrame, /) -> ValueModel:
        """Return the fitted model; arguments and errors as for a churn Candidate."""
        ...


class SavedValueModel(ValueModel, Protocol):
    """A value model that can serve, because it can be saved as data."""

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
        """Read a model that the `save` of this candidate's model wrote."""
        ...
