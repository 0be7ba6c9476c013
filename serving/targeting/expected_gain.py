"""What an action is expected to gain: the risk it averts, times what a customer who stays is worth more, less its cost."""

from collections.abc import Mapping, Sequence

import polars as pl

from models.uplift.assumed_effect import assumed
from serving.targeting.rules import fits
from settings.sections import Action

SAVED = "saved_value"
MEASURED, ASSUMED = "measured", "assumed"


def averted(action: Action, measured: Mapping[str, str]) -> pl.Expr:
    """Return the absolute reduction of the churn probability that an action is expected to bring.

    Measured, where `measured` names a column for the action: what the uplift model learned from contacts with a control group.
    Else assumed, from p_churn and the action's save rate. Never both, multiplied.
    """
    without = assumed(action, pl.col("p_churn"))
    if action.name not in measured:
        return without
    most = pl.col("p_churn")  # more than the whole risk cannot be averted
    found = pl.col(measured[action.name])
    return pl.when(found.is_null()).then(without).otherwise(pl.min_horizontal(found, most))


def gain(action: Action, measured: Mapping[str, str]) -> pl.Expr:
    """Return averted x (value_if_stays - value_if_leaves) - cost in currency; null where the action is not for the customer.

    SAVED is the column of the difference of the two values.
    """
    return pl.when(fits(action)).then(averted(action, measured) * pl.col(SAVED) - action.cost)


def gains(actions: Sequence[Action], measured: Mapping[str, str]) -> dict[str, pl.Expr]:
    """Return the gain of each action by its name."""
    return {action.name: gain(action, measured) for action in actions}
