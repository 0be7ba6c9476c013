"""Rules first: what a customer is a target of, and who may not be contacted, before anything is reckoned."""

from enum import StrEnum

import polars as pl

from settings.sections import Action, RelationshipLevel

DISSATISFIED_DAYS = 365
RELATIONSHIP_LEVELS: tuple[RelationshipLevel, ...] = ("basic", "reactive", "accountable", "proactive", "partnership")


class Target(StrEnum):
    """What a customer is a target of. The first three have lists."""

    RECOVERY = "recovery"
    RETENTION = "retention"
    WIN_BACK = "win_back"
    NURTURE = "nurture"
    NONE = "none"


def target(threshold: float) -> pl.Expr:
    """Return the Target of each customer with a score.

    An open complaint, or a newest one settled to dissatisfaction in the last year, asks for recovery whatever the risk; an
    existing customer at or above `threshold` for retention, a former one for winning back; others may be nurtured.
    """
    dissatisfied = (pl.col("last_settled_satisfied") == 0) & (pl.col("last_settled_days") < DISSATISFIED_DAYS)
    complains = (pl.col("open_complaints") > 0).fill_null(value=False) | dissatisfied.fill_null(value=False)
    return (
        pl.when(complains)
        .then(pl.lit(Target.RECOVERY.value))
        .when(pl.col("status") == "former")
        .then(pl.lit(Target.WIN_BACK.value))
        .when(pl.col("status") != "existing")
        .then(pl.lit(Target.NONE.value))
        .when(pl.col("p_churn") >= threshold)
        .then(pl.lit(Target.RETENTION.value))
        .otherwise(pl.lit(Target.NURTURE.value))
    )


def fits(action: Action) -> pl.Expr:
    """Whether an action is for a customer: of its kind, of its statuses, from its level on, and for so many orders."""
    levels = RELATIONSHIP_LEVELS[RELATIONSHIP_LEVELS.index(action.level) :]
    own = (pl.col("target") == action.kind) & pl.col("status").is_in(list(action.statuses))
    enough = pl.lit(value=True) if action.level == RELATIONSHIP_LEVELS[0] else pl.col("relationship_level").is_in(list(levels))
    bought = {"all": pl.lit(value=True), "one_time": pl.col("orders") == 1, "repeat": pl.col("orders") > 1}
    return (own & enough & bought[action.buyers]).fill_null(value=False)
