"""The figures of a scoring run: customers, value and churn by segment and stage, and moves since about a month before."""

from datetime import date
from typing import Any

import polars as pl

SEGMENT, STAGE = "loyalty_segment", "lifecycle_stage"
GROUP_COLUMNS = (SEGMENT, STAGE, "status", "relationship_level", "churn_band")
MOVE_COLUMNS = (SEGMENT, STAGE)
KEY = "customer_id"
MONTH_DAYS = 28
PROSPECT = "prospect"
LEFT, JOINED = "no longer known", "new"


def run_summary(scores: pl.DataFrame, before: tuple[date, pl.DataFrame] | None) -> dict[str, Any]:
    """Return the figures of a run of SCORE_COLUMNS, ready for JSON. They name no customer.

    `before` is the as-of date of an earlier run and its customers' MOVE_COLUMNS.
    """
    scored = scores.filter(pl.col("no_score_reason").is_null())
    return {
        "customers": scores.height,
        "scored": scored.height,
        "expected_value": _sum(scored, "expected_value"),
        "value_at_risk": _sum(scored, "value_at_risk"),
        "groups": {name: _group_figures(scored, name) for name in GROUP_COLUMNS},
        "cross": scored.group_by(SEGMENT, STAGE).len().sort(SEGMENT, STAGE).rows(),
        "moves": None if before is None else _moves(scores, *before),
    }


def _sum(frame: pl.DataFrame, name: str) -> float:
    return float(frame[name].sum())


def _group_figures(scored: pl.DataFrame, name: str) -> list[dict[str, Any]]:
    """Return an entry per value of a column: customers, value, value at risk, mean p_churn and customers at high risk."""
    groups = scored.group_by(pl.col(name).alias("name")).agg(
        pl.len().alias("customers"),
        pl.col("expected_value").sum(),
        pl.col("value_at_risk").sum(),
        pl.col("p_churn").mean(),
        (pl.col("churn_band") == "high").sum().alias("high"),
    )
    return groups.drop_nulls("name").sort("customers", "name", descending=[True, False]).to_dicts()


def _moves(scores: pl.DataFrame, as_of: date, before: pl.DataFrame) -> dict[str, Any]:
    """Return the number of customers per pair of old and new value, unchanged pairs included.

    Segments leave prospects out: without a purchase there is no loyalty to move.
    """
    joined = before.select(KEY, *MOVE_COLUMNS).join(
        scores.select(KEY, *MOVE_COLUMNS), on=KEY, how="full", coalesce=True, suffix=":now"
    )
    buyers = joined.filter(
        (pl.col(f"{STAGE}:now") != PROSPECT).fill_null(value=True) & (pl.col(STAGE) != PROSPECT).fill_null(value=True)
    )
    return {"as_of": str(as_of), SEGMENT: _move_counts(buyers, SEGMENT), STAGE: _move_counts(joined, STAGE)}


def _move_counts(joined: pl.DataFrame, name: str) -> list[list[Any]]:
    old, new = pl.col(name).fill_null(JOINED).alias("from"), pl.col(f"{name}:now").fill_null(LEFT).alias("to")
    counts = joined.group_by(old, new).len().filter((pl.col("from") != JOINED) | (pl.col("to") != LEFT))
    return [list(row) for row in counts.sort("from", "to").rows()]
