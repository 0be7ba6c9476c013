"""From a score to an action: rules first, then the action whose saved value exceeds its cost the most."""

from collections.abc import Callable

import polars as pl

from settings.sections import Action, Targeting

NO_ACTION = "none"
DISSATISFIED_DAYS = 365
KIND, GAIN, BEST = "_kind", "_gain", "_best"


def choose_actions(scores: pl.DataFrame, targeting: Targeting) -> pl.DataFrame:
    """Add action, action_cost and expected_gain; every row needs a score and `may_contact`.

    expected_gain = p_churn x assumed save rate x (value_if_stays - value_if_leaves) - cost, in currency.
    An open complaint, or a newest one settled to dissatisfaction in the last year, asks for recovery whatever it
    gains; retention and win-back are chosen only where they gain something. Without consent: none.
    """
    asked = scores.with_columns(_kind(targeting.at_risk_threshold).alias(KIND))
    gains = {action: f"{GAIN}{place}" for place, action in enumerate(targeting.actions)}
    gained = asked.with_columns(_gain(action).alias(name) for action, name in gains.items())
    fitting = [pl.when(pl.col(KIND) == action.kind).then(name) for action, name in gains.items()]
    best = gained.with_columns((pl.max_horizontal(fitting) if fitting else pl.lit(None, pl.Float64)).alias(BEST))
    worth_it = (pl.col(KIND) == "recovery") | (pl.col(BEST) > 0)
    chosen = {action: worth_it & (pl.col(KIND) == action.kind) & (pl.col(name) == pl.col(BEST)) for action, name in gains.items()}
    return best.with_columns(
        _first(chosen, lambda action: pl.lit(action.name)).fill_null(NO_ACTION).alias("action"),
        _first(chosen, lambda action: pl.lit(action.cost)).fill_null(0.0).alias("action_cost"),
        _first(chosen, lambda action: pl.col(gains[action])).fill_null(0.0).alias("expected_gain"),
    ).drop(KIND, BEST, *gains.values())


def _kind(threshold: float) -> pl.Expr:
    dissatisfied = (pl.col("last_settled_satisfied") == 0) & (pl.col("last_settled_days") < DISSATISFIED_DAYS)
    complains = (pl.col("open_complaints") > 0).fill_null(value=False) | dissatisfied.fill_null(value=False)
    return (
        pl.when(~pl.col("may_contact"))
        .then(pl.lit(NO_ACTION))
        .when(complains)
        .then(pl.lit("recovery"))
        .when((pl.col("status") == "existing") & (pl.col("p_churn") >= threshold))
        .then(pl.lit("retention"))
        .when(pl.col("status") == "former")
        .then(pl.lit("win_back"))
        .otherwise(pl.lit(NO_ACTION))
    )


def _gain(action: Action) -> pl.Expr:
    saved = pl.col("value_if_stays") - pl.col("value_if_leaves")
    return pl.col("p_churn") * action.save_rate * saved - action.cost


def _first(chosen: dict[Action, pl.Expr], value: Callable[[Action], pl.Expr]) -> pl.Expr:
    return pl.coalesce(*(pl.when(where).then(value(action)) for action, where in chosen.items()), pl.lit(None))
