"""What is expected of a scoring run before anybody sees it, and how its distribution moved since the last one."""

import polars as pl

from expectations.check import Check, Measure
from expectations.history.loads import LoadRecord
from expectations.measures.drift import population_stability, shares
from expectations.measures.table import volume
from expectations.suites.features import LOYALTY
from settings.checks import FrameChecks

BY_TENTHS = tuple(tenth / 10 for tenth in range(1, 10))
PROBABILITIES = ("p_churn", "p_alive", *LOYALTY)
HIGHEST_PERCENTILE = 100
TOLERANCE = 1e-9


def checks(limits: FrameChecks) -> list[Check]:
    """Return the checks of a scoring run."""
    return [
        Check("rows", "There is at least one customer", low=1, severity="stop"),
        Check("repeated_customers", "Every customer has one row", high=0, severity="stop"),
        Check("not_probabilities", "Every probability lies between 0 and 1", high=0, severity="stop"),
        Check("not_percentiles", f"Every churn_percentile lies between 0 and {HIGHEST_PERCENTILE}", high=0, severity="stop"),
        Check("value_order", "value_low is at most value_high", high=0, severity="stop"),
        Check("date_order", "next_order_low, next_order_date and next_order_high rise", high=0, severity="stop"),
        Check("unexplained", "A row without p_churn says why, and no other row does", high=0, severity="stop"),
        Check("several_runs", "as_of, scored_at and model_version are the same in every row", high=0, severity="stop"),
        Check("not_finite", "Every number is finite", high=0, severity="stop"),
        Check(
            "mean_above_high",
            "expected_value is between value_low and value_high for at least half of the customers",
            high=0.5,
            is_share=True,
        ),
        Check(
            "volume_shrink",
            f"At most {limits.max_shrink:.0%} fewer customers than in the last run",
            low=1 - limits.max_shrink,
            is_share=True,
        ),
        Check("drift_p_churn", _drift("p_churn", limits), high=limits.max_drift),
        Check("drift_status", _drift("status", limits), high=limits.max_drift),
    ]


def measures(frame: pl.LazyFrame, before: LoadRecord | None) -> dict[str, Measure]:
    """Return what the checks look at, from a frame of score columns."""
    low, high, mean = (pl.col(name) for name in ("value_low", "value_high", "expected_value"))
    early, likely, late = (pl.col(name) for name in ("next_order_low", "next_order_date", "next_order_high"))
    numbers = [name for name, dtype in frame.collect_schema().items() if dtype.is_float()]
    asked = {
        "rows": pl.len(),
        "repeated_customers": pl.len() - pl.col("customer_id").n_unique(),
        "not_probabilities": pl.any_horizontal(~pl.col(name).is_between(0, 1 + TOLERANCE) for name in PROBABILITIES).sum(),
        "not_percentiles": (~pl.col("churn_percentile").is_between(0, HIGHEST_PERCENTILE)).sum(),
        "value_order": (low > high).sum(),
        "date_order": ((early > likely) | (likely > late)).sum(),
        "unexplained": (pl.col("p_churn").is_null() != pl.col("no_score_reason").is_not_null()).sum(),
        "several_runs": pl.struct("as_of", "scored_at", "model_version").n_unique() - 1,
        "not_finite": pl.any_horizontal(~pl.col(name).is_finite() for name in numbers).sum(),
        "mean_above_high": (~mean.is_between(low, high)).mean(),
    }
    counts = frame.select(**asked).collect(engine="streaming").row(0, named=True)
    found = {name: Measure(value) for name, value in counts.items() if value is not None}
    if before is None or not before.used:
        return found
    return found | _drifts(shape(frame), before) | {"volume_shrink": volume(counts["rows"], before)}


def shape(frame: pl.LazyFrame) -> dict[str, list[float]]:
    """Return the distribution of a run as shares: p_churn by tenths, customers by status."""
    scored = frame.drop_nulls("p_churn").select("p_churn", "status").collect(engine="streaming")
    known = [scored.filter(status=name).height for name in ("existing", "former")]
    return {"p_churn": shares(scored["p_churn"], BY_TENTHS), "status": [count / max(scored.height, 1) for count in known]}


def _drifts(now: dict[str, list[float]], before: LoadRecord) -> dict[str, Measure]:
    compared = [name for name in now if name in before.shape]
    return {f"drift_{name}": Measure(population_stability(before.shape[name], now[name])) for name in compared}


def _drift(name: str, limits: FrameChecks) -> str:
    return f"The distribution of {name} moved by at most {limits.max_drift:g} (population stability index) since the last run"
