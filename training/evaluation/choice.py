"""Which candidate serves: the preferred one of those that are within one standard error of the best; naive ones come first.

Breiman, Friedman, Olshen and Stone (1984), Classification and Regression Trees, section 3.4.3: the rule of one standard error.
Candidates need not have been fitted on the same past days: each is compared on the days it was, so one that was short of data on
the oldest day is not out on the newer ones. What all customers of a day have in common is removed from each candidate before: a
season moves the level of everybody, four past days say little about levels, and the comparison is about who is at risk.
"""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from scipy.special import expit

from features.frames.arrays import Array
from features.frames.columns import CUSTOMER
from models.btyd.seasonal_level import churn_offset, value_offset
from models.log_odds import log_odds
from models.snapshot import DECAY
from training.evaluation.backtest_result import Backtest
from training.evaluation.bootstrap import clustered_error
from training.metrics import log_losses, tweedie_deviances

Losses = Callable[[Array, Array], Array]
LOSSES: dict[str, tuple[str, Losses]] = {"p:": ("churned", log_losses), "value:": ("next_spend", tweedie_deviances)}


def choose_candidate(result: Backtest, prefix: str, preferred: Sequence[str], reference: str) -> str | None:
    """Return the name of the candidate that is to serve, of those that were fitted on the newest past day; None without one.

    `prefix` is `p:` or `value:`. Every candidate is compared with the `reference`, on the rows where both have a prediction, by
    log-loss or Tweedie deviance; newer origins count more. Of those within one standard error of the best, the first of
    `preferred` is chosen. The standard error is over customers. Candidates that were clearly behind are none to choose from.
    """
    if result.frame is None or reference not in result.candidates(prefix):
        return None
    weighted = with_importance(result)
    newest = weighted.filter(pl.col("origin") == pl.col("origin").max())
    columns = set(newest.columns) - set(result.behind)
    names = [name for name in preferred if f"{prefix}{name}" in columns and not newest[f"{prefix}{name}"].null_count()]
    if not names:
        return None
    means = {name: loss_difference(weighted, prefix, name, reference)[0] for name in names}
    best = min(names, key=means.__getitem__)
    within = (name for name in names if name == best or np.less_equal(*loss_difference(weighted, prefix, name, best)))
    return next(within)


def with_importance(result: Backtest) -> pl.DataFrame:
    """Return the rows with their weight, `importance`: a half for each origin newer than its own; there must be a frame."""
    newer = {origin: index for index, origin in enumerate(reversed(result.origins))}
    importance = DECAY ** pl.col("origin").replace_strict(newer, return_dtype=pl.Float64)
    return result.rows_with().with_columns(importance.alias("importance"))


def loss_difference(weighted: pl.DataFrame, prefix: str, name: str, other: str) -> tuple[float, float]:
    """Return the weighted mean loss of one candidate less that of another, and its standard error over customers."""
    if name == other:
        return 0.0, 0.0
    outcome, losses = LOSSES[prefix]
    rows = weighted.drop_nulls([f"{prefix}{name}", f"{prefix}{other}"])
    actual = rows[outcome].to_numpy()
    own, others = (losses(actual, _without_level(rows, prefix, model)) for model in (name, other))
    importance = rows["importance"].to_numpy()
    mean = float(importance @ (own - others) / importance.sum())
    return mean, clustered_error(rows[CUSTOMER], importance * (own - others - mean)) / float(importance.sum())


def _without_level(rows: pl.DataFrame, prefix: str, name: str) -> Array:
    """Return the predictions with each origin's own offset, or factor, removed."""
    outcome, _ = LOSSES[prefix]
    predicted = np.array(rows[f"{prefix}{name}"].to_numpy(), dtype=np.float64)
    for origin in rows["origin"].unique():
        of_origin = (rows["origin"] == origin).to_numpy()
        actual = rows[outcome].to_numpy()[of_origin].astype(np.float64)
        if prefix == "p:":
            offset = churn_offset(predicted[of_origin], actual)
            predicted[of_origin] = expit(log_odds(predicted[of_origin]) + offset)
        else:
            predicted[of_origin] *= np.exp(value_offset(predicted[of_origin], actual))
    return predicted
