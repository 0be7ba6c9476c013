"""The best action for a customer, or none: the one whose saved value exceeds its cost the most."""

from collections.abc import Callable, Mapping

import polars as pl

from serving.targeting.expected_gain import SAVED, gains
from serving.targeting.rules import Target, target
from settings.sections import Action, Targeting

NO_ACTION = "none"
NO_CONSENT = "no_consent"
GAIN, BEST = "_gain", "_best"
NOTHING_MEASURED: Mapping[str, str] = {}


def choose_actions(scores: pl.DataFrame, targeting: Targeting, measured: Mapping[str, str] = NOTHING_MEASURED) -> pl.DataFrame:
    """Add target, barred, action, action_cost and expected_gain; every row needs a score and `may_contact`.

    Retention, winning back and nurturing are chosen only where they gain something; recovery whatever it gains. Without
    consent nothing is chosen, and `barred` says so. `measured` names columns of measured effects by action.
    """
    barred = pl.when(~pl.col("may_contact")).then(pl.lit(NO_CONSENT))
    saved = pl.col("value_if_stays") - pl.col("value_if_leaves")
    asked = scores.with_columns(target(targeting.at_risk_threshold).alias("target"), barred.alias("barred"), saved.alias(SAVED))
    names = {action: f"{GAIN}{place}" for place, action in enumerate(targeting.actions)}
    of_each = gains(targeting.actions, measured)
    gained = asked.with_columns(of_each[action.name].alias(name) for action, name in names.items())
    best = gained.with_columns(pl.max_horizontal(*names.values(), pl.lit(None, pl.Float64)).alias(BEST))
    worth_it = pl.col("barred").is_null() & ((pl.col("target") == Target.RECOVERY) | (pl.col(BEST) > 0))
    chosen = {action: worth_it & (pl.col(name) == pl.col(BEST)) for action, name in names.items()}
    return best.with_columns(
        _first(chosen, lambda action: pl.lit(action.name)).fill_null(NO_ACTION).alias("action"),
        _first(chosen, lambda action: pl.lit(action.cost)).fill_null(0.0).alias("action_cost"),
        _first(chosen, lambda action: pl.col(names[action])).fill_null(0.0).alias("expected_gain"),
    ).drop(BEST, SAVED, *names.values())


def _first(chosen: dict[Action, pl.Expr], value: Callable[[Action], pl.Expr]) -> pl.Expr:
    return pl.coalesce(*(pl.when(where).then(value(action)) for action, where in chosen.items()), pl.lit(None))
