# %% [markdown]
# # A feature family and a candidate of your own
#
# This page is a script: run it from the root of the project, cell by cell in an editor that knows `# %%`, or whole:
#
#     python -m docs.own_model demo/holdfast.toml
#
# It adds a family of features (do customers come at weekends?), a candidate that uses it (a logistic regression on top of
# BG/NBD), judges that candidate on the same past days as Holdfast's own, and says at the end how to keep both.

# %%
"""A worked example: an own feature family and an own candidate, judged beside the built-in ones."""

import json
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from expectations.validation.gate import load_tables
from expectations.validation.tables import utc_now
from features.as_of import checked_as_of
from features.frames.purchases import customer_days, occasions
from features.point_in_time import known_before
from features.tables.schema import Tables
from models.errors import TooLittleDataError
from models.log_odds import log_odds
from models.registry import BASELINE, HYBRID
from models.snapshot import Snapshot
from settings.load import load_settings
from training.data.training_data import prepare_training_data
from training.evaluation.backtest import backtest
from training.evaluation.leaderboard import leaderboard

CONFIG = Path(sys.argv[1] if len(sys.argv) > 1 else "demo/holdfast.toml")

# %% [markdown]
# ## 1. A feature family
#
# A family is a function of the tables and an as-of date. `known_before` is the one gate: what it lets through was known by
# then, so the family cannot look ahead. Customers without a purchase get null, never a guess.


# %%
def weekend(tables: Tables, as_of: date) -> pl.DataFrame:
    """Return weekend_share (of purchases) and weekend_last (1 if the newest was at a weekend) per customer with a purchase."""
    bought = occasions(customer_days(known_before(tables, as_of).transactions))
    at_weekend = (pl.col("day").dt.weekday() >= 6).cast(pl.Float64)  # noqa: PLR2004  # Saturday
    newest = at_weekend.sort_by("day").last()
    return bought.group_by("customer_id").agg(weekend_share=at_weekend.mean(), weekend_last=newest).sort("customer_id").collect()


OWN = ["weekend_share", "weekend_last"]

# %% [markdown]
# ## 2. A candidate
#
# A candidate has a name, `fit` and `load`; its model has `p_churn`, `contributions` and `save`. `history` are past days,
# oldest first, whose windows are closed; `present` are the customers of the day to foretell, without answers. Here the model
# is the log-odds of BG/NBD with a correction by the two columns.


# %%
@dataclass(frozen=True)
class WeekendChurn:
    """BG/NBD's log-odds times a slope, plus a weight per column, plus a constant."""

    constant: float
    slope: float
    weights: tuple[float, ...]
    name: str = "weekend_logistic"

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        """Return the churn probability of each row."""
        return pl.Series("p_churn", expit(self.constant + self.contributions(frame).sum_horizontal().to_numpy()))

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return what each family adds; the reasons of a score come from this."""
        columns = _columns(frame)
        return pl.DataFrame({"recency": self.slope * columns[:, 0], "weekend": columns[:, 1:] @ np.array(self.weights)})

    def save(self, folder: Path) -> None:
        """Write the numbers."""
        numbers = {"name": self.name, "constant": self.constant, "slope": self.slope, "weights": self.weights}
        (folder / "churn.json").write_text(json.dumps(numbers), encoding="utf-8")


@dataclass(frozen=True)
class WeekendCandidate:
    """Learns the weights from all closed windows."""

    name: str = "weekend_logistic"

    def fit(self, snapshots: list[Snapshot], _current: pl.DataFrame) -> WeekendChurn:
        """Return the model. Raises TooLittleData without a closed window."""
        if not snapshots:
            raise TooLittleDataError("weekend_logistic needs a past window whose outcome is known; the log is too short for one.")
        rows = pl.concat([snapshot.frame for snapshot in snapshots])
        found = LogisticRegression(C=10.0).fit(_columns(rows), rows["churned"].to_numpy())
        slope, *weights = found.coef_[0].tolist()
        return WeekendChurn(float(found.intercept_[0]), slope, tuple(weights))

    def load(self, folder: Path) -> WeekendChurn:
        """Read what `save` wrote."""
        numbers = json.loads((folder / "churn.json").read_text(encoding="utf-8"))
        return WeekendChurn(numbers["constant"], numbers["slope"], tuple(numbers["weights"]))


def _columns(frame: pl.DataFrame) -> np.ndarray:
    odds = log_odds(frame["btyd_p_no_order"].to_numpy())
    return np.column_stack([odds, frame.select(pl.col(OWN).fill_null(0.0)).to_numpy()])


# %% [markdown]
# ## 3. Judged like the others
#
# `gather` reads what was known before a day: the closed windows with all built-in features. The own columns are joined to
# each window as of its own day, and the same backtest judges everybody on the same customers.

# %%
settings = load_settings(CONFIG)
tables, _ = load_tables(settings, utc_now())
as_of = checked_as_of(tables, None, utc_now().date())
material = prepare_training_data(settings, tables, as_of, lambda _stage, _done, _total: None)
snapshots = [
    Snapshot(past.as_of, past.horizon_days, past.frame.join(weekend(tables, past.as_of), on="customer_id", how="left"), past.btyd)
    for past in material.snapshots
]
candidates = (BASELINE, HYBRID, WeekendCandidate())
result = backtest(snapshots, material.tables, candidates, 4, lambda _stage, _done, _total: None)
board = leaderboard(result, as_of, material.windows.horizon_days, intervals=True)
for entry in board["churn"]:
    print(f"{entry['candidate']:20} log-loss {entry['log_loss']:.4f}  AUC {entry['auc']:.4f}")

# %% [markdown]
# ## 4. To keep it
#
# - The family becomes a file in `features/` with `FAMILY`, `FEATURES` (name, unit, meaning, null) and its function, a line in
#   `FAMILIES` and one in `_from_purchases` of `features/build.py`. The property tests in `tests/properties` then try it with
#   later rows, other customers and parts; `python -m features.dictionary > docs/features.md` documents it; every model that
#   takes all features takes these; a sentence in `serving/scoring/reasons.py` tells a customer's reason in words.
# - The candidate becomes a file in `models/` and a line in `models/registry.py`. The contract tests in `tests/models` then
#   try it, `train` and `compare` judge it, and where it wins `promote` makes it champion.
