"""The order model's own P(no order in H days) as a churn model: nothing is learned from past windows."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from models.files import CHURN_FILE, read_json, write_json
from models.log_odds import log_odds
from models.snapshot import Snapshot

NAME = "order_model"


@dataclass(frozen=True)
class OrderColumnChurn:
    """The BTYD column as it is; contributions are measured from `mean_log_odds`."""

    mean_log_odds: float = 0.0
    name: str = NAME

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        """Return P(no order) of the order model fitted as of the frame's own date or before."""
        return frame["btyd_p_no_order"].alias("p_churn")

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return one column, `recency`: the model knows only recency, frequency and T."""
        return pl.DataFrame({"recency": log_odds(frame["btyd_p_no_order"].to_numpy()) - self.mean_log_odds})

    def save(self, folder: Path) -> None:
        """Write name and mean log-odds; the order model itself is saved with the champion."""
        write_json(folder / CHURN_FILE, {"name": self.name, "average": self.mean_log_odds})


@dataclass(frozen=True)
class OrderColumnCandidate:
    """Needs no closed window: the only candidate for a short log."""

    name: str = NAME

    def fit(self, snapshots: list[Snapshot], _current: pl.DataFrame) -> OrderColumnChurn:
        """Return the model, with the mean log-odds of the newest snapshot, or 0 without one."""
        if not snapshots:
            return OrderColumnChurn(name=self.name)
        mean_log_odds = float(log_odds(snapshots[-1].frame["btyd_p_no_order"].to_numpy()).mean())
        return OrderColumnChurn(mean_log_odds=mean_log_odds, name=self.name)

    def load(self, folder: Path) -> OrderColumnChurn:
        """Read a model that `OrderColumnChurn.save` wrote."""
        data = read_json(folder / CHURN_FILE)
        return OrderColumnChurn(mean_log_odds=data["average"], name=data["name"])
