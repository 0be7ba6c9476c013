"""A scoring run in figures: customers, value and churn by segment and stage, and who moved since about a month before."""

from datetime import date
from typing import Any

import polars as pl

SEGMENT, STAGE = "loyalty_segment", "lifecycle_stage"
GROUPED = (SEGMENT, STAGE, "status", "relationship_level", "churn_band")
MOVED = (SEGMENT, STAGE)
KEY = "customer_id"
MONTH_DAYS = 28
PROSPECT = "prospect"
LEFT, JOINED = "no longer known", "new"


def run_summary(scores: pl.DataFrame, before: tuple[date, pl.DataFrame] | None) -> dict[str, Any]:
    """Return the figures of a run of SCORE_COLUMNS, ready for JSON. Nobody is named.

    `before` is the as-of date of an earlier run and its customers' MOVED columns.
    """
    known = scores.filter(pl.col("no_score_reason").is_null())
    return {
        "customers": scores.height,
        "scored": known.height,
        "expected_value": _sum(known, "expected_value"),
        "value_at_risk": _sum(known, "value_at_risk"),
        "groups": {name: _groups(known, name) for name in GROUPED},
        "cross": known.group_by(SEGMENT, STAGE).len().sort(SEGMENT, STAGE).rows(),
        "moves": None if before is None else _moves(scores, *before),
    }


def _sum(frame: pl.DataFrame, name: str) -> float:
    return float(frame[name].sum())


def _groups(known: pl.DataFrame, name: str) -> list[dict[str, Any]]:
    """One entry per value: customers, their value and value at risk, mean p_churn, and how many are at risk or gone."""
    told = known.group_by(pl.col(name).alias("name")).agg(
        pl.len().alias("customers"),
        pl.col("expected_value").sum(),
        pl.col("value_at_risk").sum(),
        pl.col("p_churn").mean(),
        (pl.col("churn_band") == "high").sum().alias("high"),
    )
    return told.drop_nulls("name").sort("customers", "name", descending=[True, False]).to_dicts()


def _moves(scores: pl.DataFrame, as_of: date, before: pl.DataFrame) -> dict[str, Any]:
    """From where to where customers went, those who stayed too; who has not bought has no loyalty to move."""
    both = before.select(KEY, *MOVED).join(scores.select(KEY, *MOVED), on=KEY, how="full", coalesce=True, suffix=":now")
    bought = both.filter(
        (pl.col(f"{STAGE}:now") != PROSPECT).fill_null(value=True) & (pl.col(STAGE) != PROSPECT).fill_null(value=True)
    )
    return {"as_of": str(as_of), SEGMENT: _flow(bought, SEGMENT), STAGE: _flow(both, STAGE)}


def _flow(both: pl.DataFrame, name: str) -> list[list[Any]]:
    counted = both.group_by(pl.col(name).fill_null(JOINED).alias("from"), pl.col(f"{name}:now").fill_null(LEFT).alias("to")).len()
    moved = counted.filter((pl.col("from") != JOINED) | (pl.col("to") != LEFT))
    return [list(row) for row in moved.sort("from", "to").rows()]
