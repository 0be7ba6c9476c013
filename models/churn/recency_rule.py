"""Naive baselines for churn: the churn rate, in the newest closed window, of customers equally silent or equally overdue."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl

from models.errors import TooLittleDataError
from models.files import CHURN_FILE, read_json, write_json
from models.log_odds import log_odds
from models.snapshot import Snapshot

NAME, OVERDUE = "recency_rule", "overdue_rule"
COLUMNS = {NAME: "recency_days", OVERDUE: "overdue_ratio"}
NO_RATIO = -1.0  # below every ratio: customers without a purchase rhythm of their own form one group
GROUPS = 10


@dataclass(frozen=True)
class RecencyRule:
    """Churn rate by decile of recency_days or overdue_ratio: `rates[i]` for values in (cuts[i - 1], cuts[i]]."""

    cuts: tuple[float, ...]
    rates: tuple[float, ...]
    name: str = NAME

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        """Return the rate of the customer's decile."""
        group = np.searchsorted(self.cuts, _rule_values(frame, self.name).to_numpy(), side="left")
        return pl.Series("p_churn", np.asarray(self.rates)[group])

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return one column, `recency`: the rule uses nothing else."""
        average = log_odds(np.asarray(self.rates)).mean()
        return pl.DataFrame({"recency": log_odds(self.p_churn(frame).to_numpy()) - average})

    def save(self, folder: Path) -> None:
        """Write cuts, rates and name."""
        write_json(folder / CHURN_FILE, asdict(self))


@dataclass(frozen=True)
class RecencyRuleCandidate:
    """Computes the rates from the newest closed window."""

    name: str = NAME

    def fit(self, snapshots: list[Snapshot], _current: pl.DataFrame) -> RecencyRule:
        """Return the rule; each decile's rate starts from one churner and one stayer (Laplace)."""
        if not snapshots:
            raise TooLittleDataError(
                f"The {self.name.replace('_', ' ')} needs a past window whose outcome is known; the log is too short for one."
            )
        frame = snapshots[-1].frame
        values = _rule_values(frame, self.name)
        cuts = np.unique([values.quantile(k / GROUPS, "higher") for k in range(1, GROUPS)])
        group = np.searchsorted(cuts, values.to_numpy(), side="left")
        churned = np.bincount(group, weights=frame["churned"].cast(pl.Float64).to_numpy(), minlength=len(cuts) + 1)
        rates = (churned + 1) / (np.bincount(group, minlength=len(cuts) + 1) + 2)
        return RecencyRule(cuts=tuple(float(cut) for cut in cuts), rates=tuple(float(rate) for rate in rates), name=self.name)

    def load(self, folder: Path) -> RecencyRule:
        """Read a rule that `RecencyRule.save` wrote."""
        data = read_json(folder / CHURN_FILE)
        return RecencyRule(cuts=tuple(data["cuts"]), rates=tuple(data["rates"]), name=data["name"])


def _rule_values(frame: pl.DataFrame, name: str) -> pl.Series:
    return frame[COLUMNS[name]].cast(pl.Float64).fill_null(NO_RATIO)
