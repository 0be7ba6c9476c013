"""The naive baselines for churn: how often customers silent for as long, or as long overdue, left in the window before."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl

from models.errors import TooLittleDataError
from models.files import FILE, read_json, write_json
from models.log_odds import log_odds
from models.snapshot import Snapshot

NAME, OVERDUE = "recency_rule", "overdue_rule"
COLUMNS = {NAME: "recency_days", OVERDUE: "overdue_ratio"}
UNKNOWN = -1.0  # below every ratio: those without a rhythm of their own stand together
GROUPS = 10


@dataclass(frozen=True)
class RecencyRule:
    """Churn rate by decile of recency_days, or of overdue_ratio: `rates[i]` for values in (cuts[i - 1], cuts[i]]."""

    cuts: tuple[float, ...]
    rates: tuple[float, ...]
    name: str = NAME

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        """Return the rate of the customer's decile."""
        group = np.searchsorted(self.cuts, _values(frame, self.name).to_numpy(), side="left")
        return pl.Series("p_churn", np.asarray(self.rates)[group])

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Everything comes from recency."""
        average = log_odds(np.asarray(self.rates)).mean()
        return pl.DataFrame({"recency": log_odds(self.p_churn(frame).to_numpy()) - average})

    def save(self, folder: Path) -> None:
        """Write cuts and rates."""
        write_json(folder / FILE, asdict(self))


@dataclass(frozen=True)
class RecencyRuleCandidate:
    """Reads the rates off the newest closed window."""

    name: str = NAME

    def fit(self, snapshots: list[Snapshot], _current: pl.DataFrame) -> RecencyRule:
        """Return the rule; a decile's rate starts from one churner and one stayer (Laplace)."""
        if not snapshots:
            raise TooLittleDataError(
                f"The {self.name.replace('_', ' ')} needs a past window whose outcome is known; the log is too short for one."
            )
        frame = snapshots[-1].frame
        silence = _values(frame, self.name)
        cuts = np.unique([silence.quantile(k / GROUPS, "higher") for k in range(1, GROUPS)])
        group = np.searchsorted(cuts, silence.to_numpy(), side="left")
        churned = np.bincount(group, weights=frame["churned"].cast(pl.Float64).to_numpy(), minlength=len(cuts) + 1)
        rates = (churned + 1) / (np.bincount(group, minlength=len(cuts) + 1) + 2)
        return RecencyRule(tuple(float(cut) for cut in cuts), tuple(float(rate) for rate in rates), self.name)

    def load(self, folder: Path) -> RecencyRule:
        """Read what the rule's `save` wrote."""
        data = read_json(folder / FILE)
        return RecencyRule(tuple(data["cuts"]), tuple(data["rates"]), data["name"])


def _values(frame: pl.DataFrame, name: str) -> pl.Series:
    return frame[COLUMNS[name]].cast(pl.Float64).fill_null(UNKNOWN)
