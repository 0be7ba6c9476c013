"""The expected gain of an action: averted risk times the value a customer who stays adds, minus the cost."""

from collections.abc import Mapping, Sequence

import polars as pl

from models.uplift.assumed_effect import assumed_reduction
from serving.targeting.rules import is_applicable
from settings.sections import Action

SAVED_VALUE = "saved_value"
MEASURED, ASSUMED = "measured", "assumed"


def saved_value() -> pl.Expr:
    """Return SAVED_VALUE: what a customer who stays is worth more than one who leaves."""
    return (pl.col("value_if_stays") - pl.col("value_if_leaves")).alias(SAVED_VALUE)


def averted_risk(action: Action, measured: Mapping[str, str]) -> pl.Expr:
    """Return the absolute reduction of the churn probability that an action is expected to bring.

    Measured, where `measured` names a column for the action: the uplift model's estimate from contacts with a control group, at
    most p_churn. Otherwise, or where that column is null, assumed from p_churn and the action's save rate. The two are never
    multiplied.
    """
    assumed_effect = assumed_reduction(action, pl.col("p_churn"))
    if action.name not in measured:
        return assumed_effect
    effect = pl.col(measured[action.name])
    return pl.when(effect.is_null()).then(assumed_effect).otherwise(pl.min_horizontal(effect, "p_churn"))


def expected_gain(action: Action, measured: Mapping[str, str]) -> pl.Expr:
    """Return averted x (value_if_stays - value_if_leaves) - cost in currency; null where the action does not apply.

    SAVED_VALUE is the column with the difference of the two values.
    """
    return pl.when(is_applicable(action)).then(averted_risk(action, measured) * pl.col(SAVED_VALUE) - action.cost)


def expected_gains(actions: Sequence[Action], measured: Mapping[str, str]) -> dict[str, pl.Expr]:
    """Return the expected gain of each action, by its name."""
    return {action.name: expected_gain(action, measured) for action in actions}


def acceptable_gain(action: Action, gain: pl.Expr) -> pl.Expr:
    """Return the gain where the action may be taken: above 0, or any gain of an unconditional action; else null."""
    return gain if action.is_unconditional else pl.when(gain > 0).then(gain)
