"""What every churn model and its candidate provide; the models share no base class."""

from pathlib import Path
from typing import Protocol

import polars as pl

from models.snapshot import Snapshot


class ChurnModel(Protocol):
    """A fitted model of P(no purchase in the next H days).

    Frames are features with the BTYD and seasonal columns, one row per customer with a purchase; results keep their order.
    """

    @property
    def name(self) -> str:
        """Name of the candidate, as the leaderboard shows it."""
        ...

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        """Return the churn probability of each row, in (0, 1)."""
        ...

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return one column per feature family: how far it moves the log-odds of churn from the average."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model as data (JSON, booster text) into an existing folder."""
        ...


class Candidate(Protocol):
    """A way to fit a churn model on past snapshots, oldest first, all of them closed; and to load a saved one."""

    @property
    def name(self) -> str:
        """Name on the leaderboard."""
        ...

    def fit(self, snapshots: list[Snapshot], current: pl.DataFrame, /) -> ChurnModel:
        """Return the fitted model. Raises TooLittleDataError if the snapshots do not suffice.

        `current` has the customers as of the day to predict, without outcomes: order models are fitted on it.
        """
        ...

    def load(self, folder: Path, /) -> ChurnModel:
        """Read a model that the `save` of this candidate's model wrote."""
        ...
