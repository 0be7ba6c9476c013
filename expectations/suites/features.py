"""The checks of the feature table: one row per customer, and consistent numbers."""

import polars as pl

from expectations.check import Check, Measure
from expectations.history.loads import LoadRecord
from expectations.measures.table import emptied_columns, volume_ratio
from settings.checks import FrameChecks

LOYALTY = ("p_hard_core", "p_split", "p_shifting", "p_switcher")
TOLERANCE = 1e-6


def checks(limits: FrameChecks) -> list[Check]:
    """Return the checks of a feature table."""
    return [
        Check("rows", "There is at least one customer", low=1, severity="stop"),
        Check("repeated_customers", "Every customer has one row", high=0, severity="stop"),
        Check("recency_above_T", "recency is at most T for every customer", high=0, severity="stop"),
        Check("recency_without_repeat", "recency is 0 where frequency is 0", high=0, severity="stop"),
        Check("negative_counts", "frequency, recency, T and orders are never negative", high=0, severity="stop"),
        Check("loyalty_sum", "The probabilities of the loyalty types sum to 1", high=0, severity="stop"),
        Check("not_finite", "Every number is finite", high=0, severity="stop"),
        Check("emptied_columns", "No feature is empty that had values in the previous feature table", high=0),
        Check(
            "volume_shrink",
            f"There are at least {1 - limits.max_shrink:.0%} of the customers of the previous feature table",
            low=1 - limits.max_shrink,
            is_share=True,
        ),
    ]


def measures(frame: pl.LazyFrame, before: LoadRecord | None) -> dict[str, Measure]:
    """Return the measures of a frame with `customer_id` and every feature; `before` is the previous usable one."""
    schema = frame.collect_schema()
    numbers = [name for name, dtype in schema.items() if dtype.is_float()]
    expressions = {
        "rows": pl.len(),
        "repeated_customers": pl.len() - pl.col("customer_id").n_unique(),
        "recency_above_T": (pl.col("recency") > pl.col("T")).sum(),
        "recency_without_repeat": ((pl.col("frequency") == 0) & (pl.col("recency") != 0)).sum(),
        "negative_counts": pl.any_horizontal(pl.col(name) < 0 for name in ("frequency", "recency", "T", "orders")).sum(),
        "loyalty_sum": ((pl.sum_horizontal(LOYALTY, ignore_nulls=False) - 1).abs() > TOLERANCE).sum(),
        "not_finite": pl.any_horizontal(~pl.col(name).is_finite() for name in numbers).sum(),
    }
    values = frame.select(**expressions).collect(engine="streaming").row(0, named=True)
    measured = {name: Measure(value) for name, value in values.items()}
    if before is None or not before.used:
        return measured
    emptied = emptied_columns(empty_columns(frame), before)
    return measured | {"emptied_columns": emptied, "volume_shrink": volume_ratio(values["rows"], before)}


def empty_columns(frame: pl.LazyFrame) -> list[str]:
    """Return the columns without a single value."""
    counts = frame.select(pl.all().count()).collect(engine="streaming").row(0, named=True)
    return sorted(name for name, values in counts.items() if not values)
