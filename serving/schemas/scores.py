"""The columns of a scoring run, in order and with their types, which callers rely on.

The `family` of a reason is the feature family that moved the risk; null in runs scored before reasons had it.
"""

import polars as pl

REASON = pl.Struct({"text": pl.String, "weight": pl.Float64, "direction": pl.String, "family": pl.String})

SURVIVAL_DAYS = (30, 60, 90, 180, 365)


def survival_column(days: int) -> str:
    """Return the name of the column with P(no order within that number of days)."""
    return f"p_no_order_{days}"


SCORE_COLUMNS: dict[str, pl.DataType] = {
    "customer_id": pl.String(),
    "as_of": pl.Date(),
    "scored_at": pl.Datetime("us"),
    "model_version": pl.String(),
    "status": pl.String(),
    "lifecycle_stage": pl.String(),
    "relationship_level": pl.String(),
    "loyalty_segment": pl.String(),
    "p_hard_core": pl.Float64(),
    "p_split": pl.Float64(),
    "p_shifting": pl.Float64(),
    "p_switcher": pl.Float64(),
    "recency_days": pl.Int64(),
    "orders": pl.Int64(),
    "historic_value": pl.Float64(),
    "p_churn": pl.Float64(),
    "churn_band": pl.String(),
    "churn_percentile": pl.Float64(),
    "p_alive": pl.Float64(),
    "expected_orders": pl.Float64(),
    "expected_value": pl.Float64(),
    "value_low": pl.Float64(),
    "value_high": pl.Float64(),
    "value_if_stays": pl.Float64(),
    "value_at_risk": pl.Float64(),
    "next_order_date": pl.Date(),
    "next_order_low": pl.Date(),
    "next_order_high": pl.Date(),
    "open_complaints": pl.Int64(),
    "action": pl.String(),
    "action_cost": pl.Float64(),
    "expected_gain": pl.Float64(),
    "reasons": pl.List(REASON),
    "no_score_reason": pl.String(),
    "value_if_leaves": pl.Float64(),
    "horizon_days": pl.Int64(),
    "currency": pl.String(),
    "p_churn_low": pl.Float64(),
    "p_churn_high": pl.Float64(),
    "next_order_reason": pl.String(),
    **{survival_column(days): pl.Float64() for days in SURVIVAL_DAYS},
}
