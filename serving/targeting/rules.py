"""Rules that come before any estimate: what a customer is a target of, and which actions apply."""

from enum import StrEnum

import polars as pl

from settings.sections import Action, RelationshipLevel

DISSATISFACTION_DAYS = 365
RELATIONSHIP_LEVELS: tuple[RelationshipLevel, ...] = ("basic", "reactive", "accountable", "proactive", "partnership")


class Target(StrEnum):
    """What a customer is a target of. The first three have lists."""

    RECOVERY = "recovery"
    RETENTION = "retention"
    WIN_BACK = "win_back"
    NURTURE = "nurture"
    NONE = "none"


def assign_target(threshold: float) -> pl.Expr:
    """Return the Target of each customer with a score.

    Recovery, whatever the risk: an open complaint, or the last settled one left the customer dissatisfied less than
    DISSATISFACTION_DAYS ago. Retention: existing with p_churn at or above `threshold`. Win-back: former. Nurture: the other
    existing customers. None: the rest.
    """
    is_dissatisfied = (pl.col("last_settled_satisfied") == 0) & (pl.col("last_settled_days") < DISSATISFACTION_DAYS)
    needs_recovery = (pl.col("open_complaints") > 0).fill_null(value=False) | is_dissatisfied.fill_null(value=False)
    return (
        pl.when(needs_recovery)
        .then(pl.lit(Target.RECOVERY.value))
        .when(pl.col("status") == "former")
        .then(pl.lit(Target.WIN_BACK.value))
        .when(pl.col("status") != "existing")
        .then(pl.lit(Target.NONE.value))
        .when(pl.col("p_churn") >= threshold)
        .then(pl.lit(Target.RETENTION.value))
        .otherwise(pl.lit(Target.NURTURE.value))
    )


def is_applicable(action: Action) -> pl.Expr:
    """Return whether an action applies to a customer: by target, status, relationship level (or above) and number of orders."""
    levels = RELATIONSHIP_LEVELS[RELATIONSHIP_LEVELS.index(action.level) :]
    target_and_status = (pl.col("target") == action.kind) & pl.col("status").is_in(list(action.statuses))
    at_level = pl.lit(value=True) if action.level == RELATIONSHIP_LEVELS[0] else pl.col("relationship_level").is_in(list(levels))
    buyers = {"all": pl.lit(value=True), "one_time": pl.col("orders") == 1, "repeat": pl.col("orders") > 1}
    return (target_and_status & at_level & buyers[action.buyers]).fill_null(value=False)
