"""Churn horizon and activity window: as configured, or proposed from the times between purchases and the length of the log."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from features.as_of import order_date_range
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
MIN_FOLLOW_UP = 1.5  # how long silences must be followed, in their own length, before one is called final
HORIZONS_PER_LOG = 4  # one to look back on, and three windows: to learn from, and two to test on
MIN_DAYS, MAX_DAYS = 7, 1095
DEFAULT_HORIZON_DAYS, DEFAULT_ACTIVE_DAYS = 90, 365


@dataclass(frozen=True)
class Windows:
    """Churn horizon and activity window in whole days."""

    horizon_days: int
    active_days: int


@dataclass(frozen=True)
class Proposal:
    """Proposed windows with the evidence for both.

    `within` is the share of repeat purchases that came within the horizon, `returned` the share of customers silent for the
    activity window who came back later (`returned_after`; None where too few were silent for so long). `is_final` says
    whether that is at most a tenth. `past_windows` is the number of horizons that the log has after the first. `rhythm_days` is
    the horizon that the gaps alone would have: longer, if the log is short.
    """

    windows: Windows
    within: float
    returned: float | None
    is_final: bool
    past_windows: int
    rhythm_days: int


def churn_windows(churn: Churn, tables: Tables, as_of: date) -> Windows:
    """Return the configured windows; `"auto"` is replaced by the proposal of `propose_windows`."""
    if churn.horizon_days != "auto" and churn.active_days != "auto":
        return Windows(churn.horizon_days, churn.active_days)
    proposal = propose_windows(order_gaps(tables, as_of), log_days(tables, as_of))
    proposed = Windows(DEFAULT_HORIZON_DAYS, DEFAULT_ACTIVE_DAYS) if proposal is None else proposal.windows
    horizon_days = proposed.horizon_days if churn.horizon_days == "auto" else churn.horizon_days
    return Windows(horizon_days, max(proposed.active_days, horizon_days) if churn.active_days == "auto" else churn.active_days)


def log_days(tables: Tables, as_of: date) -> int:
    """Return the days from the first order to `as_of`."""
    return (as_of - order_date_range(known_before(tables, as_of))[0]).days


def order_gaps(tables: Tables, as_of: date) -> pl.DataFrame:
    """Return every silence (time without a purchase) known before `as_of`: days, and whether a purchase ended it.

    One row per gap between two purchases, and one per customer for the silence that has not ended yet.
    """
    purchases = occasions(sorted_customer_days(encode_tables(known_before(tables, as_of)).tables.transactions).lazy())
    ended = purchases.select(gap_days().alias("days"), pl.lit(value=True).alias("ended")).drop_nulls("days")
    days_since = (pl.lit(as_of) - pl.col(DAY)).dt.total_days()
    ongoing = purchases.filter(is_among_last(1)).select(days_since.alias("days"), pl.lit(value=False).alias("ended"))
    return pl.concat([ended, ongoing]).collect(engine="streaming")


def propose_windows(silences: pl.DataFrame, days_of_log: int) -> Proposal | None:
    """Propose a churn horizon and an activity window from the output of `order_gaps`; None without any repeat purchase.

    The horizon is the gap within which 80 % of the next purchases came, but at most a quarter of the log: a longer one could
    neither be learned nor tested. The activity window is the shortest silence after which at most one customer in ten came back,
    of at least thirty. Without such a silence it is the gap within which 95 % of the next purchases came.

    Both are between a week and three years, and the activity window is never below the horizon.
    """
    gaps = silences.filter("ended")["days"]
    if gaps.is_empty():
        return None
    rhythm = _clip_days(gaps.quantile(HORIZON_QUANTILE) or 0)
    horizon = min(rhythm, max(days_of_log // HORIZONS_PER_LOG, MIN_DAYS))
    survival = silence_survival(silences)
    final = survival.filter(pl.col("returned") <= MAX_RETURN_SHARE)["days"].min()
    active = (gaps.quantile(ACTIVE_QUANTILE) or 0) if final is None else float(str(final))
    windows = Windows(horizon, max(horizon, _clip_days(active)))
    return Proposal(
        windows=windows,
        within=float((gaps <= horizon).mean()),  # type: ignore[arg-type]  # the mean of booleans
        returned=returned_after(survival, windows.active_days),
        is_final=final is not None,
        past_windows=past_windows(days_of_log, horizon),
        rhythm_days=rhythm,
    )


def past_windows(days_of_log: int, horizon_days: int) -> int:
    """Return how many windows of the horizon the log has after the first one, which is only looked back on."""
    return max(days_of_log // horizon_days - 1, 0)


def silence_survival(silences: pl.DataFrame) -> pl.DataFrame:
    """Return, for every length of a silence that at least thirty reached, days, reached, survival and returned.

    `survival` is the share of silences that last at least so long. `returned` is the share of those that a purchase ends later,
    as far as thirty silences can be followed; null where that is less than half as long again. Silences that have not ended count
    until today (Kaplan and Meier 1958, doi:10.1080/01621459.1958.10501452): a customer who was silent for a year when the log
    ended may yet come back.
    """
    by_length = silences.group_by("days").agg(pl.len(), pl.col("ended").sum()).sort("days")
    reached = by_length.with_columns((pl.col("len").sum() - pl.col("len").cum_sum() + pl.col("len")).alias("reached"))
    followed = reached.filter(pl.col("reached") >= MIN_SILENCES)
    after = (1 - pl.col("ended") / pl.col("reached")).cum_prod()
    curve = followed.select("days", "reached", after.shift(1, fill_value=1.0).alias("survival"), after.alias("after"))
    is_followed = (pl.col("survival") > 0) & (pl.col("days") * MIN_FOLLOW_UP <= pl.col("days").last())
    returned = pl.when(is_followed).then(1 - pl.col("after").last() / pl.col("survival"))
    return curve.select("days", "reached", "survival", returned.alias("returned"))


def returned_after(survival: pl.DataFrame, days: int) -> float | None:
    """Return the share of silences of at least `days` that a purchase ended, from `silence_survival`; None beyond its end."""
    later = survival.filter(pl.col("days") >= days)["returned"]
    return None if later.is_empty() or later[0] is None else float(later[0])


def _clip_days(days: float) -> int:
    return round(min(max(days, MIN_DAYS), MAX_DAYS))


def share_returned(silences: pl.DataFrame, marks: list[int]) -> pl.DataFrame:
    """Return for each mark: days (the mark), reached (silences of at least that length), returned (share ended by a purchase).

    The share is that of `silence_survival`; null where fewer than thirty silences are so long.
    """
    survival = silence_survival(silences)
    rows = [(mark, silences.filter(pl.col("days") >= mark).height, returned_after(survival, mark)) for mark in marks]
    return pl.DataFrame(rows, schema={"days": pl.Int64, "reached": pl.Int64, "returned": pl.Float64}, orient="row")
