# %% [markdown]
# # A feature family and a candidate of your own
#
# This page is a script. Run it cell by cell in an editor that knows `# %%`, or all in one go:
#
#     .venv/bin/python -m docs.own_model demo/holdfast.toml
#
# It adds a feature family (do customers come at weekends?) and a candidate that uses it (a logistic regression on top of
# BG/NBD). It then evaluates that candidate on the same past days as Holdfast's own, and ends with how to keep both.

# %%
"""A worked example: an own feature family and an own candidate, evaluated beside the built-in ones."""

import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
from sklearn.linear_model import LogisticRegression

import holdfast

CONFIG = Path(sys.argv[1] if len(sys.argv) > 1 else "demo/holdfast.toml")

# %% [markdown]
# ## 1. A feature family
#
# A family is a function of the tables and an as-of date. `holdfast.purchases` returns only what was known by that date, so the
# family cannot look ahead. Customers without a purchase get null, never a guess.


# %%
def weekend(tables: holdfast.Tables, as_of: date) -> pl.DataFrame:
    """Return weekend_share (of purchases) and weekend_last (1 if the newest was at a weekend) per customer with a purchase."""
    is_weekend = (pl.col("day").dt.weekday() >= 6).cast(pl.Float64)  # noqa: PLR2004  # Saturday
    features = (
        holdfast.purchases(tables, as_of)
        .group_by("customer_id")
        .agg(weekend_share=is_weekend.mean(), weekend_last=is_weekend.sort_by("day").last())
    )
    return features.sort("customer_id").collect()


# %% [markdown]
# ## 2. A candidate
#
# A candidate has a name, `fit` and `load`. Its model has a name, `p_churn`, `contributions` and `save`. `snapshots` are past
# days, oldest first, whose windows are closed. `current` has the customers of the day to predict, without outcomes. Here the
# model is the log-odds of BG/NBD with a correction by the two columns.

# %%
BGNBD_LOG_ODDS = (pl.col("btyd_p_no_order") / (1 - pl.col("btyd_p_no_order"))).log().clip(-30, 30)
INPUTS = (BGNBD_LOG_ODDS.alias("recency"), pl.col("weekend_share").fill_null(0.0), pl.col("weekend_last").fill_null(0.0))


@dataclass(frozen=True)
class WeekendChurn:
    """BG/NBD's log-odds times a slope, plus a weight per column, plus a constant."""

    constant: float
    slope: float
    weights: tuple[float, ...]
    name: str = "weekend_logistic"

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        """Return the churn probability of each row."""
        log_odds = self.constant + self.contributions(frame).sum_horizontal()
        return (1 / (1 + (-log_odds).exp())).alias("p_churn")

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the contribution of each family; the reasons of a score come from these."""
        share, last = (
            weight * pl.col(name) for weight, name in zip(self.weights, ("weekend_share", "weekend_last"), strict=True)
        )
        return frame.select(INPUTS).select(recency=self.slope * pl.col("recency"), weekend=share + last)

    def save(self, folder: Path) -> None:
        """Write the parameters as JSON."""
        parameters = {"name": self.name, "constant": self.constant, "slope": self.slope, "weights": self.weights}
        holdfast.write_json(folder / holdfast.CHURN_FILE, parameters)


@dataclass(frozen=True)
class WeekendCandidate:
    """Fits the weights on all closed windows."""

    name: str = "weekend_logistic"

    def fit(self, snapshots: list[holdfast.Snapshot], _current: pl.DataFrame) -> WeekendChurn:
        """Return the fitted model. Raises TooLittleDataError without a closed window."""
        if not snapshots:
            raise holdfast.TooLittleDataError(
                "weekend_logistic needs a past window whose outcome is known; the log is too short."
            )
        rows = pl.concat([snapshot.frame for snapshot in snapshots])
        regression = LogisticRegression(C=10.0).fit(rows.select(INPUTS).to_numpy(), rows["churned"].to_numpy())
        slope, *weights = regression.coef_[0].tolist()
        return WeekendChurn(constant=float(regression.intercept_[0]), slope=slope, weights=tuple(weights))

    def load(self, folder: Path) -> WeekendChurn:
        """Read a model that `WeekendChurn.save` wrote."""
        parameters = holdfast.read_json(folder / holdfast.CHURN_FILE)
        return WeekendChurn(constant=parameters["constant"], slope=parameters["slope"], weights=tuple(parameters["weights"]))


# %% [markdown]
# ## 3. Evaluated like the others
#
# `compare` joins the columns of the family to each past window, as of the window's own day, and evaluates all candidates on the
# same customers.

# %%
workspace = holdfast.open_workspace(CONFIG)
candidates = (holdfast.find_candidate("recency_rule"), holdfast.find_candidate("hybrid"), WeekendCandidate())
comparison = holdfast.compare(workspace, candidates=candidates, families=(weekend,), value_candidates=())
print(comparison.churn.select("candidate", "log_loss", "auc"))

# %% [markdown]
# ## 4. To keep both
#
# - The family becomes a file in `features/families/` with `FAMILY`, `FEATURES` (name, unit, meaning, null) and its function,
#   a line in `FAMILIES` and one in `_purchase_features` of `features/build.py`. The property tests in `tests/properties` then
#   attack it with later rows, other customers and partitions. `python -m features.dictionary > docs/features.md` documents it.
#   Every model that takes all features takes these too. A sentence in `serving/scoring/reasons.py` turns it into a reason in
#   words.
# - The candidate becomes a file in `models/` and a line in `models/registry.py`. The contract tests in `tests/models` then
#   cover it, `train` and `compare` evaluate it, and if it wins, `promote` makes it champion. A package of your own can offer
#   it instead, as an entry point of the group `holdfast.candidates` (`models/plugins.py`).
