"""What is expected of a weekly list before it leaves."""

import polars as pl

from expectations.check import Check, Measure
from expectations.history.loads import LoadRecord
from settings.checks import FrameChecks

ROUNDING = 1e-9


def checks(limits: FrameChecks) -> list[Check]:  # noqa: ARG001  # one signature for all suites
    """Return the checks of a weekly list."""
    return [
        Check("repeated_customers", "Every customer stands once on the list", high=0, severity="stop"),
        Check("not_probabilities", "Every p_churn lies between 0 and 1", high=0, severity="stop"),
        Check("rank_order", "Ranks rise by one, and expected gain does not rise", high=0, severity="stop"),
        Check("unknown_arms", "Every row is treated or control", high=0, severity="stop"),
        Check("losing_rows", "Every row is expected to gain more than it costs", high=0),
        Check("without_reason", "Every row has a reason", high=0),
    ]


def measures(frame: pl.LazyFrame, before: LoadRecord | None) -> dict[str, Measure]:  # noqa: ARG001  # one signature for all suites
    """Return what the checks look at, from a frame of list columns."""
    rises = pl.col("expected_gain").diff() > ROUNDING
    asked = {
        "repeated_customers": pl.len() - pl.col("customer_id").n_unique(),
        "not_probabilities": (~pl.col("p_churn").is_between(0, 1)).sum(),
        "rank_order": ((pl.col("rank").cast(pl.Int64).diff() != 1) | rises).sum(),
        "unknown_arms": (~pl.col("arm").is_in(["treated", "control"])).sum(),
        "losing_rows": (pl.col("expected_gain") < 0).sum(),
        "without_reason": pl.col("reason_1").is_null().sum(),
    }
    counts = frame.select(**asked).collect().row(0, named=True)
    return {name: Measure(value) for name, value in counts.items()}
