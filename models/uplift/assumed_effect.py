"""The effect an action is assumed to have on churn where none was measured."""

import polars as pl

from settings.sections import Action


def assumed_reduction(action: Action, p_churn: pl.Expr) -> pl.Expr:
    """Return the assumed absolute reduction of the churn probability p, in [0, p]; null where p is null.

    With `effect = "share"` it is p x save_rate. With `effect = "odds"` the odds of staying rise by the factor (1 + s) / (1 - s),
    s = save_rate: 2 s p (1 - p) / (1 + s (1 - 2 p)). At p = 0.5 this saves the share s of the leavers. At lower p it saves
    a larger share, up to 2 s / (1 + s). Near p = 1 it saves almost none, because those customers are out of reach.
    """
    if action.effect == "share":
        return p_churn * action.save_rate
    s = action.save_rate
    averted = 2 * s * p_churn * (1 - p_churn) / ((1 + s) * (1 - p_churn) + (1 - s) * p_churn)
    return pl.when(p_churn == 1).then(0.0).otherwise(averted)  # at s = 1 it would be 0 / 0
