"""The checks of a weekly list before it is issued."""

import polars as pl

from expectations.check import Check, Measure
from expectations.history.loads import LoadRecord
from settings.checks import FrameChecks

TOLERANCE = 1e-9
SERVICE_LISTS = "recovery"  # how the ids of their lists begin: their rows may lose, and the summary of the list states the cost


def checks(limits: FrameChecks) -> list[Check]:  # noqa: ARG001  # one signature for all suites
    """Return the checks of a weekly list."""
    return [
        Check("repeated_customers", "Every customer is on the list once", high=0, severity="stop"),
        Check("not_probabilities", "Every p_churn is between 0 and 1", high=0, severity="stop"),
        Check("rank_order", "Ranks increase by one, and expected_gain never increases", high=0, severity="stop"),
        Check("unknown_arms", "The arm of every row is treated or control", high=0, severity="stop"),
        Check(
            "losing_rows",
            "No customer to act on is on a marketing list with a negative expected_gain; service answers whatever it gains",
            high=0,
        ),
        Check("without_reason", "Every row has a reason", high=0),
    ]


def measures(frame: pl.LazyFrame, before: LoadRecord | None) -> dict[str, Measure]:  # noqa: ARG001  # one signature for all suites
    """Return the measures of a frame of list columns."""
    is_treated, is_marketing = pl.col("arm") == "treated", ~pl.col("list_id").str.starts_with(SERVICE_LISTS)
    gain_increases = pl.col("expected_gain").diff() > TOLERANCE
    expressions = {
        "repeated_customers": pl.len() - pl.col("customer_id").n_unique(),
        "not_probabilities": (~pl.col("p_churn").is_between(0, 1)).sum(),
        "rank_order": ((pl.col("rank").cast(pl.Int64).diff() != 1) | gain_increases).sum(),
        "unknown_arms": (~pl.col("arm").is_in(["treated", "control"])).sum(),
        "losing_rows": (is_marketing & is_treated & (pl.col("expected_gain") < 0)).sum(),
        "without_reason": pl.col("reason_1").is_null().sum(),
    }
    values = frame.select(**expressions).collect().row(0, named=True)
    return {name: Measure(value) for name, value in values.items()}
