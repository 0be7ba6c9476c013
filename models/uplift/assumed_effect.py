"""What an action is assumed to avert, where nothing was measured."""

import polars as pl

from settings.sections import Action


def assumed(action: Action, p_churn: pl.Expr) -> pl.Expr:
    """Return the absolute reduction of the churn probability p, in [0, p]; null where p is.

    With `effect` share it is p x save_rate. With odds, the odds of staying rise by the factor (1 + s) / (1 - s), which keeps
    the share s = save_rate of those who would leave with probability one half: 2 s p (1 - p) / (1 + s (1 - 2 p)). Of those who
    leave less surely it keeps more, up to 2 s / (1 + s); who has left for good (p near 1) is out of reach.
    """
    if action.effect == "share":
        return p_churn * action.save_rate
    s = action.save_rate
    averted = 2 * s * p_churn * (1 - p_churn) / ((1 + s) * (1 - p_churn) + (1 - s) * p_churn)
    return pl.when(p_churn == 1).then(0.0).otherwise(averted)  # at s = 1 it would be 0 / 0
