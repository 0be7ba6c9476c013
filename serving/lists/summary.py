"""The figures of a list: its size, value, cost and expected gain, and why other candidates are not on it."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from models.track_record import TrackRecord
from serving.targeting.curve import profit_curve
from serving.targeting.evidence import Trials, gains_at, list_evidence, trials_as_json
from serving.targeting.plan import Plan
from serving.targeting.rules import Target
from settings.sections import Settings


def summarize_list(
    plan: Plan,
    target: Target,
    listed: pl.DataFrame,
    candidates: pl.DataFrame,
    settings: Settings,
    trials: Trials,
    record: TrackRecord | None = None,
) -> dict[str, Any]:
    """Return the figures of a list, ready for JSON: `candidates` equals `rows` plus the sum of `left_out`.

    Money and averted risk are sums over the treated customers. `losing` of them cost more than they are expected to bring,
    together `losing_gain` (0 or less). `curve` is what other budgets would bring. `evidence` is what `trials` say about the
    expected gain, and `value_horizon_days` over how many days it is counted. `track_record` is that of the champion's forecasts,
    None if it is not known. No customer is named.
    """
    treated = listed.filter(arm="treated")
    sums = treated.select(pl.col("value_at_risk", "expected_gain", "action_cost", "averted").sum()).row(0, named=True)
    losing = treated.filter(pl.col("expected_gain") < 0)["expected_gain"]
    value, actions = settings.value, settings.targeting.actions
    bound_gains = [gains_at(plan.frame, actions, trials, end) for end in ("low", "high")] if trials else []
    evidence = list_evidence(treated, trials, value.currency, value.horizon_days, record).as_dict()
    left_out = candidates.group_by("left_out").len().drop_nulls().sort("left_out")
    return {
        "candidates": candidates.height,
        "rows": listed.height,
        "treated": treated.height,
        "control": listed.height - treated.height,
        "global_control": listed.filter(pl.col("held_by") == "global").height,
        "one_time": treated.filter(pl.col("orders") == 1).height,
        "measured": treated.filter(basis="measured").height,
        "losing": losing.len(),
        "losing_gain": float(losing.sum()),
        **sums,
        "left_out": dict(left_out.iter_rows()),
        "curve": profit_curve(plan.frame, plan.spending_order[target], bound_gains).as_dict(),
        "value_horizon_days": value.horizon_days,
        "evidence": evidence | {"trials": trials_as_json(trials)},
        "track_record": None if record is None else record.to_json(),
    }


def losing_sentence(summary: Mapping[str, Any], currency: str) -> str | None:
    """Return how many actions cost more than they are expected to bring, and what; None without one or in old summaries."""
    losing = summary.get("losing", 0)
    if not losing:
        return None
    verb, pronoun = ("costs", "it is") if losing == 1 else ("cost", "they are")
    share = f"{losing:,} of {summary['treated']:,} answers {verb} more than {pronoun} expected to bring"
    return f"{share}: {summary['losing_gain']:z,.0f} {currency}."
