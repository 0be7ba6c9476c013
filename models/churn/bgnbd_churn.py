"""BG/NBD's own P(no order in H days) as a churn model: nothing more is learned from the windows."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from models.files import FILE, read_json, write_json
from models.log_odds import log_odds
from models.snapshot import Snapshot

NAME = "bgnbd"


@dataclass(frozen=True)
class BgNbdChurn:
    """The BTYD column as it stands; `average` is the log-odds that contributions are measured from."""

    average: float = 0.0
    name: str = NAME

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        """Return P(no order) of the BG/NBD fitted as of the frame's own date or before."""
        return frame["btyd_p_no_order"].alias("p_churn")

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Everything comes from recency, frequency and T."""
        return pl.DataFrame({"recency": log_odds(frame["btyd_p_no_order"].to_numpy()) - self.average})

    def save(self, folder: Path) -> None:
        """Write the average; the BG/NBD itself belongs to the champion."""
        write_json(folder / FILE, {"name": NAME, "average": self.average})


@dataclass(frozen=True)
class BgNbdCandidate:
    """Needs no closed window: the only candidate for a short log."""

    name: str = NAME

    def fit(self, snapshots: list[Snapshot], _current: pl.DataFrame) -> BgNbdChurn:
        """Return the model, with the average of the newest snapshot where there is one."""
        return (
            BgNbdChurn(float(log_odds(snapshots[-1].frame["btyd_p_no_order"].to_numpy()).mean())) if snapshots else BgNbdChurn()
        )

    def load(self, folder: Path) -> BgNbdChurn:
        """Read what the model's `save` wrote."""
        return BgNbdChurn(read_json(folder / FILE)["average"])
