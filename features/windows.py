"""Churn horizon and activity window: as configured, or proposed from the times between purchases."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from features.frames.columns import DAY
from features.frames.encoded import encode_tables
from features.frames.purchases import occasions, sorted_customer_days
from features.frames.sorted_runs import gap_days, is_among_last
from features.point_in_time import known_before
from features.tables.schema import Tables
from settings.sections import Churn

HORIZON_QUANTILE = 0.80
ACTIVE_QUANTILE = 0.95
MAX_RETURN_SHARE, MIN_SILENCES = 0.10, 30
MIN_DAYS, MAX_DAYS = 7, 1095
DEFAULT_HORIZON_DAYS, DEFAULT_ACTIVE_DAYS = 90, 365


@dataclass(frozen=True)
class Windows:
    """Churn horizon and activity window in whole days."""

    horizon_days: int
    active_days: int


def churn_windows(churn: Churn, tables: Tables, as_of: date) -> Windows:
    """Return the configured windows; `"auto"` is replaced by the proposal of `propose_windows`."""
    if churn.horizon_days != "auto" and churn.active_days != "auto":
        return Windows(churn.horizon_days, churn.active_days)
    proposal = propose_windows(order_gaps(tables, as_of))
    return Windows(
        proposal.horizon_days if churn.horizon_days == "auto" else churn.horizon_days,
        proposal.active_days if churn.active_days == "auto" else churn.active_days,
    )


def order_gaps(tables: Tables, as_of: date) -> pl.DataFrame:
    """Return every silence (time without a purchase) known before `as_of`: days, and whether a purchase ended it.

    One row per gap between two purchases, and one per customer for the silence that has not ended yet.
    """
    purchases = occasions(sorted_customer_days(encode_tables(known_before(tables, as_of)).tables.transactions).lazy())
    ended = purchases.select(gap_days().alias("days"), pl.lit(value=True).alias("ended")).drop_nulls("days")
    days_since = (pl.lit(as_of) - pl.col(DAY)).dt.total_days()
    ongoing = purchases.filter(is_among_last(1)).select(days_since.alias("days"), pl.lit(value=False).alias("ended"))
    return pl.concat([ended, ongoing]).collect(engine="streaming")


def propose_windows(silences: pl.DataFrame) -> Windows:
    """Propose a churn horizon and an activity window from the output of `order_gaps`.

    The horizon is the gap within which 80 % of the next purchases came. The activity window is the shortest silence that at
    most one in ten of the customers who reached it has ended so far.

    Both are between a week and three years, and the activity window is never below the horizon. With no such silence among at
    least 30, the activity window is the gap within which 95 % of the next purchases came. Without any repeat purchase the
    windows are 90 and 365 days.
    """
    gaps = silences.filter("ended")["days"]
    if gaps.is_empty():
        return Windows(DEFAULT_HORIZON_DAYS, DEFAULT_ACTIVE_DAYS)
    horizon = _clip_days(gaps.quantile(HORIZON_QUANTILE) or 0)
    inactive_after = _shortest_final_silence(silences)
    active = (gaps.quantile(ACTIVE_QUANTILE) or 0) if inactive_after is None else inactive_after
    return Windows(horizon, max(horizon, _clip_days(active)))


def _shortest_final_silence(silences: pl.DataFrame) -> float | None:
    by_length = silences.group_by("days").agg(pl.len(), pl.col("ended").sum()).sort("days", descending=True)
    reached = by_length.select("days", pl.col("len").cum_sum(), pl.col("ended").cum_sum())
    final = reached.filter(pl.col("len") >= MIN_SILENCES, pl.col("ended") <= MAX_RETURN_SHARE * pl.col("len"))
    shortest = final["days"].min()
    return None if shortest is None else float(str(shortest))


def _clip_days(days: float) -> int:
    return round(min(max(days, MIN_DAYS), MAX_DAYS))


def share_returned(silences: pl.DataFrame, marks: list[int]) -> pl.DataFrame:
    """Return for each mark: days (the mark), reached (silences of at least that length), returned (share ended by a purchase).

    Ongoing silences count as not ended, so the share is a lower bound.
    """
    reached = [silences.filter(pl.col("days") >= mark) for mark in marks]
    rows = [(mark, rows.height, rows["ended"].mean()) for mark, rows in zip(marks, reached, strict=True)]
    return pl.DataFrame(rows, schema={"days": pl.Int64, "reached": pl.Int64, "returned": pl.Float64}, orient="row")
