"""The base rate: the same churn probability for every customer, from past windows. Better than a model that cannot rank."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from models.errors import TooLittleDataError
from models.files import CHURN_FILE, read_json, write_json
from models.snapshot import DECAY, MAX_WINDOWS, Snapshot, windows_apart

NAME = "base_rate"


@dataclass(frozen=True)
class BaseRate:
    """One probability for all."""

    rate: float
    name: str = NAME

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        """Return the rate for each row."""
        return pl.Series("p_churn", np.full(frame.height, self.rate))

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return one column, `recency`, of zeros: no feature moves a constant."""
        return pl.DataFrame({"recency": np.zeros(frame.height)})

    def save(self, folder: Path) -> None:
        """Write name and rate."""
        write_json(folder / CHURN_FILE, {"name": NAME, "rate": self.rate})


@dataclass(frozen=True)
class BaseRateCandidate:
    """Takes the churn rate of the newest closed windows; the newest counts most."""

    name: str = NAME

    def fit(self, snapshots: list[Snapshot], _current: pl.DataFrame) -> BaseRate:
        """Return the rate, starting from one churner and one stayer (Laplace). Raises TooLittleDataError without a window."""
        if not snapshots:
            raise TooLittleDataError("The base rate needs a past window whose outcome is known; the log is too short for one.")
        churned, rows = 1.0, 2.0
        for age, window in enumerate(reversed(windows_apart(snapshots, MAX_WINDOWS))):
            churned += DECAY**age * float(window.frame["churned"].sum())
            rows += DECAY**age * window.frame.height
        return BaseRate(churned / rows)

    def load(self, folder: Path) -> BaseRate:
        """Read a rate that `BaseRate.save` wrote."""
        return BaseRate(read_json(folder / CHURN_FILE)["rate"])
