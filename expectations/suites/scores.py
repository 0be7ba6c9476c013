"""The checks of a scoring run before it is published, and the drift of its distributions since the previous run."""

from itertools import pairwise

import polars as pl

from expectations.check import Check, Measure
from expectations.history.loads import LoadRecord
from expectations.measures.drift import bin_shares, population_stability_index
from expectations.measures.table import volume_ratio
from expectations.suites.features import LOYALTY
from settings.checks import FrameChecks, ScoreChecks

DECILE_CUTS = tuple(tenth / 10 for tenth in range(1, 10))
PROBABILITIES = ("p_churn", "p_alive", *LOYALTY)
HORIZON_PREFIX = "p_no_order_"
MAX_PERCENTILE = 100
MIN_SHARE_WITHIN = 0.5
TOLERANCE = 1e-9


def checks(limits: ScoreChecks) -> list[Check]:
    """Return the checks of a scoring run."""
    return [
        Check("rows", "There is at least one customer", low=1, severity="stop"),
        Check("repeated_customers", "Every customer has one row", high=0, severity="stop"),
        Check("not_probabilities", "Every probability is between 0 and 1", high=0, severity="stop"),
        Check("not_percentiles", f"Every churn_percentile is between 0 and {MAX_PERCENTILE}", high=0, severity="stop"),
        Check(
            "probability_order",
            "p_churn lies between p_churn_low and p_churn_high, and P(no order) falls with the number of days",
            high=0,
            severity="stop",
        ),
        Check("value_order", "value_low is at most value_high", high=0, severity="stop"),
        Check(
            "date_order", "next_order_low, next_order_date and next_order_high are in ascending order", high=0, severity="stop"
        ),
        Check("unexplained", "Rows without p_churn have a no_score_reason, and no other rows have one", high=0, severity="stop"),
        Check("several_runs", "as_of, scored_at and model_version are the same in every row", high=0, severity="stop"),
        Check("not_finite", "Every number is finite", high=0, severity="stop"),
        Check(
            "mean_within_interval",
            "expected_value lies between value_low and value_high for at least "
            f"{MIN_SHARE_WITHIN:.0%} of the customers with a value_high above 0",
            low=MIN_SHARE_WITHIN,
            is_share=True,
        ),
        Check(
            "volume_shrink",
            f"There are at least {1 - limits.max_shrink:.0%} of the customers of the previous run",
            low=1 - limits.max_shrink,
            is_share=True,
        ),
        Check("drift_p_churn", _drift_sentence("p_churn", limits), high=limits.max_drift),
        Check("drift_status", _drift_sentence("status", limits), high=limits.max_drift),
        *_publication_checks(limits),
    ]


def _publication_checks(limits: ScoreChecks) -> list[Check]:
    """Return the checks that compare a run with the published one, which stop it; `expectations.measures.publication`."""
    sentences = {
        "as_of_ahead": ("The as-of date is not later than the orders allow", 0),
        "p_churn_jump": (
            f"Mean p_churn is within {limits.max_p_churn_jump:.0%} points of the published run",
            limits.max_p_churn_jump,
        ),
        "value_jump": (
            f"Mean expected value is within a factor of {limits.max_value_jump:g} of the published run",
            limits.max_value_jump,
        ),
    }
    return [
        Check(name, sentence, high=high, severity="stop", is_share=name == "p_churn_jump", can_be_overridden=True)
        for name, (sentence, high) in sentences.items()
    ]


def measures(frame: pl.LazyFrame, before: LoadRecord | None) -> dict[str, Measure]:
    """Return the measures of a frame of score columns; `before` is the previous usable run."""
    low, high, mean = (pl.col(name) for name in ("value_low", "value_high", "expected_value"))
    earliest, median, latest = (pl.col(name) for name in ("next_order_low", "next_order_date", "next_order_high"))
    schema = frame.collect_schema()
    numbers = [name for name, dtype in schema.items() if dtype.is_float()]
    horizons = [name for name in schema.names() if name.startswith(HORIZON_PREFIX)]  # in ascending order of days
    expressions = {
        "rows": pl.len(),
        "repeated_customers": pl.len() - pl.col("customer_id").n_unique(),
        "not_probabilities": pl.any_horizontal(~pl.col(name).is_between(0, 1 + TOLERANCE) for name in PROBABILITIES).sum(),
        "not_percentiles": (~pl.col("churn_percentile").is_between(0, MAX_PERCENTILE)).sum(),
        "probability_order": pl.any_horizontal(
            ~pl.col("p_churn").is_between("p_churn_low", "p_churn_high"),
            *(pl.col(later) > pl.col(earlier) + TOLERANCE for earlier, later in pairwise(horizons)),
        ).sum(),
        "value_order": (low > high).sum(),
        "date_order": ((earliest > median) | (median > latest)).sum(),
        "unexplained": (pl.col("p_churn").is_null() != pl.col("no_score_reason").is_not_null()).sum(),
        "several_runs": pl.struct("as_of", "scored_at", "model_version").n_unique() - 1,
        "not_finite": pl.any_horizontal(~pl.col(name).is_finite() for name in numbers).sum(),
        "mean_within_interval": mean.is_between(low, high).filter(high > 0).mean(),
    }
    values = frame.select(**expressions).collect(engine="streaming").row(0, named=True)
    measured = {name: Measure(value) for name, value in values.items() if value is not None}
    if before is None or not before.used:
        return measured
    return measured | _drift_measures(shape(frame), before) | {"volume_shrink": volume_ratio(values["rows"], before)}


def shape(frame: pl.LazyFrame) -> dict[str, list[float]]:
    """Return the distributions of a run as shares: p_churn by tenths, customers by status (existing, former)."""
    scored = frame.drop_nulls("p_churn").select("p_churn", "status").collect(engine="streaming")
    counts = [scored.filter(status=status).height for status in ("existing", "former")]
    return {"p_churn": bin_shares(scored["p_churn"], DECILE_CUTS), "status": [count / max(scored.height, 1) for count in counts]}


def _drift_measures(now: dict[str, list[float]], before: LoadRecord) -> dict[str, Measure]:
    names = [name for name in now if name in before.shape]
    return {f"drift_{name}": Measure(population_stability_index(before.shape[name], now[name])) for name in names}


def _drift_sentence(name: str, limits: FrameChecks) -> str:
    return f"The population stability index of {name} against the previous run is at most {limits.max_drift:g}"
