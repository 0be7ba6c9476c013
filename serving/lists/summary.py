"""The figures of a list: its size, value, cost and expected gain, and why other candidates are not on it."""

from typing import Any

import polars as pl

from serving.targeting.curve import profit_curve
from serving.targeting.plan import Plan
from serving.targeting.rules import Target


def summarize_list(plan: Plan, target: Target, listed: pl.DataFrame, candidates: pl.DataFrame) -> dict[str, Any]:
    """Return the figures of a list, ready for JSON: `candidates` equals `rows` plus the sum of `left_out`.

    Money and averted risk are sums over the treated customers; `curve` is what other budgets would bring. No customer is named.
    """
    treated = listed.filter(arm="treated")
    sums = treated.select(pl.col("value_at_risk", "expected_gain", "action_cost", "averted").sum()).row(0, named=True)
    left_out = candidates.group_by("left_out").len().drop_nulls().sort("left_out")
    return {
        "candidates": candidates.height,
        "rows": listed.height,
        "treated": treated.height,
        "control": listed.height - treated.height,
        "global_control": listed.filter(pl.col("held_by") == "global").height,
        "one_time": treated.filter(pl.col("orders") == 1).height,
        "measured": treated.filter(basis="measured").height,
        **sums,
        "left_out": dict(left_out.iter_rows()),
        "curve": profit_curve(plan.frame, plan.spending_order[target]).as_dict(),
    }
