"""A list in figures: how many, what they are worth, what it should bring, and why others are not on it."""

from typing import Any

import polars as pl

from serving.targeting.curve import curve
from serving.targeting.plan import Plan
from serving.targeting.rules import Target


def summary(plan: Plan, target: Target, listed: pl.DataFrame, of_kind: pl.DataFrame) -> dict[str, Any]:
    """Return the figures of a list, ready for JSON: `candidates` = `rows` + all of `left_out`.

    Money and saved customers are of the treated; `curve` is what other budgets would bring. Nobody is named.
    """
    treated = listed.filter(arm="treated")
    sums = treated.select(pl.col("value_at_risk", "expected_gain", "action_cost", "averted").sum()).row(0, named=True)
    left_out = of_kind.group_by("left_out").len().drop_nulls().sort("left_out")
    return {
        "candidates": of_kind.height,
        "rows": listed.height,
        "treated": treated.height,
        "control": listed.height - treated.height,
        "global_control": listed.filter(pl.col("held_by") == "global").height,
        "one_time": treated.filter(pl.col("orders") == 1).height,
        "measured": treated.filter(basis="measured").height,
        **sums,
        "left_out": dict(left_out.iter_rows()),
        "curve": curve(plan.frame, plan.spending_order[target]).as_dict(),
    }
