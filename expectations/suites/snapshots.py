"""The checks of training snapshots: past as-of dates with their labels, one row per customer and date."""

import polars as pl

from expectations.check import Check, Measure
from expectations.history.loads import LoadRecord
from settings.checks import SnapshotChecks

LABELS = ("churned", "next_orders", "next_spend")


def checks(limits: SnapshotChecks) -> list[Check]:
    """Return the checks of all snapshots that models are trained on."""
    return [
        Check("repeated_customers", "Every customer has one row per as-of date", high=0, severity="stop"),
        Check("missing_answers", "Every row has its labels: churned, next_orders and next_spend", high=0, severity="stop"),
        Check("contradicting_answers", "churned is 1 without a purchase in the window, else 0", high=0, severity="stop"),
        Check("unclosed_windows", "Every window was closed by the as-of date of the training", high=0, severity="stop"),
        Check(
            "churn_share",
            f"Between {limits.min_churn:.0%} and {limits.max_churn:.0%} of the customers buy nothing in a window",
            low=limits.min_churn,
            high=limits.max_churn,
            is_share=True,
        ),
    ]


def measures(frame: pl.LazyFrame, before: LoadRecord | None) -> dict[str, Measure]:  # noqa: ARG001  # one signature for all suites
    """Return the measures of a frame with `customer_id`, `as_of`, `closed_on`, `trained_as_of` and the labels."""
    is_missing = (pl.col(name).is_null() | (pl.col(name) != pl.col(name)) for name in LABELS)
    expressions = {
        "repeated_customers": pl.len() - pl.struct("customer_id", "as_of").n_unique(),
        "missing_answers": pl.any_horizontal(is_missing).sum(),
        "contradicting_answers": (pl.col("churned") != (pl.col("next_orders") == 0)).sum(),
        "unclosed_windows": (pl.col("closed_on") > pl.col("trained_as_of")).sum(),
        "churn_share": pl.col("churned").mean(),
    }
    values = frame.select(**expressions).collect(engine="streaming").row(0, named=True)
    return {name: Measure(value) for name, value in values.items() if value is not None}
