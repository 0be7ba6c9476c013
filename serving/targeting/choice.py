"""The best action for a customer, or none: the action with the largest expected gain above 0, or of any gain for recovery."""

from collections.abc import Callable, Mapping

import polars as pl

from serving.targeting.expected_gain import SAVED_VALUE, acceptable_gain, expected_gains, saved_value
from serving.targeting.rules import assign_target
from settings.sections import Action, Targeting

NO_ACTION = "none"
NO_CONSENT, UNCERTAIN_CONSENT = "no_consent", "uncertain_consent"
GAIN_PREFIX, BEST_GAIN = "_gain", "_best"
NO_MEASURED_EFFECTS: Mapping[str, str] = {}


def choose_actions(
    scores: pl.DataFrame, targeting: Targeting, at_risk_from: float, measured: Mapping[str, str] = NO_MEASURED_EFFECTS
) -> pl.DataFrame:
    """Add target, barred, action, action_cost and expected_gain; every row needs a score, `may_contact` and `consent_uncertain`.

    Existing customers are at risk from a p_churn of `at_risk_from`. Actions need an expected gain above 0, except for recovery:
    it is chosen whatever it gains, unless it has `always = false`. Without consent no action is chosen, and `barred` is
    `no_consent`, or `uncertain_consent` where a row that cannot be used may hold a refusal. `measured` maps actions to columns of
    measured effects.
    """
    reason = pl.when("consent_uncertain").then(pl.lit(UNCERTAIN_CONSENT)).otherwise(pl.lit(NO_CONSENT))
    barred = pl.when(~pl.col("may_contact")).then(reason).alias("barred")
    targeted = scores.with_columns(assign_target(at_risk_from).alias("target"), barred, saved_value())
    gain_columns = {action: f"{GAIN_PREFIX}{index}" for index, action in enumerate(targeting.actions)}
    gains = expected_gains(targeting.actions, measured)
    with_gains = targeted.with_columns(
        acceptable_gain(action, gains[action.name]).alias(column) for action, column in gain_columns.items()
    )
    with_best = with_gains.with_columns(pl.max_horizontal(*gain_columns.values(), pl.lit(None, pl.Float64)).alias(BEST_GAIN))
    is_allowed = pl.col("barred").is_null()
    is_chosen = {action: is_allowed & (pl.col(column) == pl.col(BEST_GAIN)) for action, column in gain_columns.items()}
    return with_best.with_columns(
        _value_of_chosen(is_chosen, lambda action: pl.lit(action.name)).fill_null(NO_ACTION).alias("action"),
        _value_of_chosen(is_chosen, lambda action: pl.lit(action.cost)).fill_null(0.0).alias("action_cost"),
        _value_of_chosen(is_chosen, lambda action: pl.col(gain_columns[action])).fill_null(0.0).alias("expected_gain"),
    ).drop(BEST_GAIN, SAVED_VALUE, *gain_columns.values())


def _value_of_chosen(is_chosen: dict[Action, pl.Expr], value: Callable[[Action], pl.Expr]) -> pl.Expr:
    """Return the value of the first chosen action; null without one."""
    return pl.coalesce(*(pl.when(chosen).then(value(action)) for action, chosen in is_chosen.items()), pl.lit(None))
