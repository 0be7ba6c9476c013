# %% [markdown]
# # A feature family and a candidate of your own
#
# This page is a script. Run it from the root of the project, cell by cell in an editor that knows `# %%`, or all in one go:
#
#     python -m docs.own_model demo/holdfast.toml
#
# It adds a feature family (do customers come at weekends?) and a candidate that uses it (a logistic regression on top of
# BG/NBD). It then evaluates that candidate on the same past days as Holdfast's own, and ends with how to keep both.

# %%
"""A worked example: an own feature family and an own candidate, evaluated beside the built-in ones."""

import sys
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from expectations.validation.gate import load_tables
from features.as_of import resolve_as_of
from features.frames.purchases import customer_days, occasions
from features.point_in_time import known_before
from features.tables.schema import Tables
from models.errors import TooLittleDataError
from models.files import CHURN_FILE, read_json, write_json
from models.log_odds import log_odds
from models.registry import BASELINE, HYBRID
from models.snapshot import Snapshot
from settings.clock import utc_now
from settings.load import load_settings
from training.data.training_data import prepare_training_data
from training.evaluation.backtest import backtest
from training.evaluation.leaderboard import leaderboard

CONFIG = Path(sys.argv[1] if len(sys.argv) > 1 else "demo/holdfast.toml")

# %% [markdown]
# ## 1. A feature family
#
# A family is a function of the tables and an as-of date. `known_before` returns only what was known by that date, so the
# family cannot look ahead. Customers without a purchase get null, never a guess.


# %%
def weekend(tables: Tables, as_of: date) -> pl.DataFrame:
    """Return weekend_share (of purchases) and weekend_last (1 if the newest was at a weekend) per customer with a purchase."""
    purchases = occasions(customer_days(known_before(tables, as_of).transactions))
    is_weekend = (pl.col("day").dt.weekday() >= 6).cast(pl.Float64)  # noqa: PLR2004  # Saturday
    features = purchases.group_by("customer_id").agg(
        weekend_share=is_weekend.mean(), weekend_last=is_weekend.sort_by("day").last()
    )
    return features.sort("customer_id").collect()


WEEKEND_COLUMNS = ["weekend_share", "weekend_last"]

# %% [markdown]
# ## 2. A candidate
#
# A candidate has a name, `fit` and `load`. Its model has a name, `p_churn`, `contributions` and `save`. `snapshots` are past
# days, oldest first, whose windows are closed. `current` has the customers of the day to predict, without outcomes. Here the
# model is the log-odds of BG/NBD with a correction by the two columns.


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
        """Return the contribution of each family; the reasons of a score come from these."""
        columns = _columns(frame)
        return pl.DataFrame({"recency": self.slope * columns[:, 0], "weekend": columns[:, 1:] @ np.array(self.weights)})

    def save(self, folder: Path) -> None:
        """Write the parameters as JSON."""
        parameters = {"name": self.name, "constant": self.constant, "slope": self.slope, "weights": self.weights}
        write_json(folder / CHURN_FILE, parameters)


@dataclass(frozen=True)
class WeekendCandidate:
    """Fits the weights on all closed windows."""

    name: str = "weekend_logistic"

    def fit(self, snapshots: list[Snapshot], _current: pl.DataFrame) -> WeekendChurn:
        """Return the fitted model. Raises TooLittleDataError without a closed window."""
        if not snapshots:
            raise TooLittleDataError("weekend_logistic needs a past window whose outcome is known; the log is too short for one.")
        rows = pl.concat([snapshot.frame for snapshot in snapshots])
        regression = LogisticRegression(C=10.0).fit(_columns(rows), rows["churned"].to_numpy())
        slope, *weights = regression.coef_[0].tolist()
        return WeekendChurn(constant=float(regression.intercept_[0]), slope=slope, weights=tuple(weights))

    def load(self, folder: Path) -> WeekendChurn:
        """Read a model that `WeekendChurn.save` wrote."""
        parameters = read_json(folder / CHURN_FILE)
        return WeekendChurn(constant=parameters["constant"], slope=parameters["slope"], weights=tuple(parameters["weights"]))


def _columns(frame: pl.DataFrame) -> np.ndarray:
    odds = log_odds(frame["btyd_p_no_order"].to_numpy())
    return np.column_stack([odds, frame.select(pl.col(WEEKEND_COLUMNS).fill_null(0.0)).to_numpy()])


# %% [markdown]
# ## 3. Evaluated like the others
#
# `prepare_training_data` returns what was known before a day: the closed windows with all built-in features. The own columns
# are joined to each window as of its own day. The same backtest then evaluates all candidates on the same customers.


# %%
def _with_weekend(snapshot: Snapshot, tables: Tables) -> Snapshot:
    frame = snapshot.frame.join(weekend(tables, snapshot.as_of), on="customer_id", how="left")
    return replace(snapshot, frame=frame)


settings = load_settings(CONFIG)
tables, _ = load_tables(settings, utc_now())
as_of = resolve_as_of(tables, None, utc_now().date())
data = prepare_training_data(settings, tables, as_of, lambda _stage, _done, _total: None)
snapshots = [_with_weekend(snapshot, tables) for snapshot in data.snapshots]
candidates = (BASELINE, HYBRID, WeekendCandidate())
result = backtest(snapshots, data.tables, candidates, 4, lambda _stage, _done, _total: None)
board = leaderboard(result, as_of, data.windows.horizon_days, intervals=True)
for entry in board["churn"]:
    print(f"{entry['candidate']:20} log-loss {entry['log_loss']:.4f}  AUC {entry['auc']:.4f}")

# %% [markdown]
# ## 4. To keep both
#
# - The family becomes a file in `features/families/` with `FAMILY`, `FEATURES` (name, unit, meaning, null) and its function,
#   a line in `FAMILIES` and one in `_purchase_features` of `features/build.py`. The property tests in `tests/properties` then
#   attack it with later rows, other customers and partitions. `python -m features.dictionary > docs/features.md` documents it.
#   Every model that takes all features takes these too. A sentence in `serving/scoring/reasons.py` turns it into a reason in
#   words.
# - The candidate becomes a file in `models/` and a line in `models/registry.py`. The contract tests in `tests/models` then
#   cover it, `train` and `compare` evaluate it, and if it wins, `promote` makes it champion.
