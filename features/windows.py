"""Churn horizon and activity window: as configured, or proposed from the times between purchases."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from features.frames.columns import DAY
from features.frames.encoded import encode_tables
from features.frames.purchases import days_in_order, occasions
from features.frames.sorted_runs import gap_days, is_among_last
from features.point_in_time import known_before
from features.tables.schema import Tables
from settings.sections import Churn

HORIZON_QUANTILE = 0.80
ACTIVE_QUANTILE = 0.95
RARELY, MIN_SILENCES = 0.10, 30
SHORTEST, LONGEST = 7, 1095
DEFAULTS = (90, 365)


@dataclass(frozen=True)
class Windows:
    """Both windows in whole days."""

    horizon_days: int
    active_days: int


def churn_windows(churn: Churn, tables: Tables, as_of: date) -> Windows:
    """Return the windows of the configuration; `"auto"` becomes the proposal of `proposed`."""
    if churn.horizon_days != "auto" and churn.active_days != "auto":
        return Windows(churn.horizon_days, churn.active_days)
    proposal = propose_windows(order_gaps(tables, as_of))
    return Windows(
        proposal.horizon_days if churn.horizon_days == "auto" else churn.horizon_days,
        proposal.active_days if churn.active_days == "auto" else churn.active_days,
    )


def order_gaps(tables: Tables, as_of: date) -> pl.DataFrame:
    """Return every time without a purchase known before `as_of`: days, and whether a purchase ended it.

    One row per gap between purchases, and one per customer for the silence that still goes on.
    """
    days = occasions(days_in_order(encode_tables(known_before(tables, as_of)).tables.transactions).lazy())
    ended = days.select(gap_days().alias("days"), pl.lit(value=True).alias("ended")).drop_nulls("days")
    going_on = (pl.lit(as_of) - pl.col(DAY)).dt.total_days()
    still = days.filter(is_among_last(1)).select(going_on.alias("days"), pl.lit(value=False).alias("ended"))
    return pl.concat([ended, still]).collect(engine="streaming")


def propose_windows(silent: pl.DataFrame) -> Windows:
    """Propose a churn horizon and an activity window.

    The horizon is the gap within which 80 % of the next purchases came; the activity window is the shortest silence
    from which on at most one in ten has come back.

    Both lie between a week and three years, and no activity window below the horizon. Where fewer than 30 silences tell, or
    customers always come back, the activity window is the gap within which 95 % came; without a repeat purchase 90, 365.
    """
    gaps = silent.filter("ended")["days"]
    if gaps.is_empty():
        return Windows(*DEFAULTS)
    horizon = _within_reason(gaps.quantile(HORIZON_QUANTILE) or 0)
    active = _hopeless_from(silent)
    return Windows(horizon, max(horizon, _within_reason(gaps.quantile(ACTIVE_QUANTILE) or 0 if active is None else active)))


def _hopeless_from(silent: pl.DataFrame) -> float | None:
    by_length = silent.group_by("days").agg(pl.len(), pl.col("ended").sum()).sort("days", descending=True)
    reached = by_length.select("days", pl.col("len").cum_sum(), pl.col("ended").cum_sum())
    hopeless = reached.filter(pl.col("len") >= MIN_SILENCES, pl.col("ended") <= RARELY * pl.col("len"))
    shortest = hopeless["days"].min()
    return None if shortest is None else float(str(shortest))


def _within_reason(days: float) -> int:
    return round(min(max(days, SHORTEST), LONGEST))


def share_returned(silent: pl.DataFrame, marks: list[int]) -> pl.DataFrame:
    """Return, for silences that reached each mark: days, how many did, and the share that a purchase ended later.

    Silences that still go on count as not ended, so the share is what has been seen so far, a lower bound.
    """
    reached = [silent.filter(pl.col("days") >= mark) for mark in marks]
    rows = [(mark, rows.height, rows["ended"].mean()) for mark, rows in zip(marks, reached, strict=True)]
    return pl.DataFrame(rows, schema={"days": pl.Int64, "reached": pl.Int64, "returned": pl.Float64}, orient="row")
