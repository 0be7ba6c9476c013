"""What every churn model can do; the models themselves share no base class."""

from pathlib import Path
from typing import Protocol

import polars as pl

from models.snapshot import Snapshot


class ChurnModel(Protocol):
    """A fitted model of P(no purchase in the next H days).

    Frames are features with the BTYD columns, one row per customer with a purchase; results keep their order.
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
    """A way to fit a churn model on past snapshots, oldest first, all of them closed; and to read one back."""

    @property
    def name(self) -> str:
        """Name on the leaderboard."""
        ...

    def fit(self, snapshots: list[Snapshot], current: pl.DataFrame, /) -> ChurnModel:
        """Return the fitted model. Raises TooLittleData when `history` is too short for it.

        `present` are the customers as of the day that is to be foretold, without answers: order models are fitted on it.
        """
        ...

    def load(self, folder: Path, /) -> ChurnModel:
        """Return the model that `save` of one of this kind wrote."""
        ...
