"""What every model of spend in the churn window can do, and how it is fitted."""

from typing import Protocol

import polars as pl

from models.snapshot import Snapshot


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

    def fit(self, history: list[Snapshot]) -> ValueModel:
        """Return the fitted model. Raises TooLittleData when `history` is too short for it."""
        ...
