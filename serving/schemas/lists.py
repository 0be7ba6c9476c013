"""The columns of a weekly list with their types, which callers rely on, and the columns stored beside each row.

`held_by` names the draw that held a customer out (global, list). `propensity` is the probability of treatment: 0 in the global
control, which is `global_share` of all customers. `averted` is the expected reduction of the churn probability. `unit` is the
keyed hash of what was drawn: a customer, or a household.
"""

import polars as pl

LIST_COLUMNS: dict[str, pl.DataType] = {
    "list_id": pl.String(),
    "week": pl.String(),
    "rank": pl.UInt32(),
    "customer_id": pl.String(),
    "arm": pl.String(),
    "action": pl.String(),
    "channel": pl.String(),
    "owner": pl.String(),
    "status": pl.String(),
    "loyalty_segment": pl.String(),
    "lifecycle_stage": pl.String(),
    "p_churn": pl.Float64(),
    "expected_value": pl.Float64(),
    "value_at_risk": pl.Float64(),
    "expected_gain": pl.Float64(),
    "basis": pl.String(),
    "reason_1": pl.String(),
    "reason_2": pl.String(),
    "reason_3": pl.String(),
    "data_as_of": pl.Date(),
    "model_version": pl.String(),
    "expires_on": pl.Date(),
}

EXPECTED_COLUMNS: dict[str, pl.DataType] = {
    "held_by": pl.String(),
    "propensity": pl.Float64(),
    "global_share": pl.Float64(),
    "action_cost": pl.Float64(),
    "averted": pl.Float64(),
    "region": pl.String(),
    "unit": pl.String(),
}
