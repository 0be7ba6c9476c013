"""The offset of the window ahead, predicted from recent errors of the order models and from last year's season.

A second part corrects what such predictions have missed in past windows again and again: the order models' assumptions do not
hold in every shop.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from features.btyd_summary import purchase_histories
from features.frames.columns import CUSTOMER, DAY
from features.frames.encoded import EncodedTables
from features.frames.purchases import occasions, sorted_customer_days, total
from features.labels import with_waits
from features.point_in_time import known_before
from models.btyd.pair import BuyTillYouDie
from models.btyd.seasonal_level import SeasonalOffset, observed_offset
from models.errors import TooLittleDataError
from models.snapshot import MIN_CUSTOMERS, Snapshot, windows_apart
from settings.sections import Calendar
from training.data.calendar import SURGE_DAYS, event_offset, follows_christmas, reversal
from training.data.contact_censoring import untreated_rows

NO_CALENDAR = Calendar()
RECENT_PARTS = 3  # the recent window is a third of the horizon
# Half of a slump in the last third of a horizon is expected to last, and a fifth of a slump in the last whole horizon. On Online
# Retail all shares with a sum of .5 to .8 that favour the newest window predict about equally well (docs/training.md). Surges
# are not expected to last: they did not in the weeks before Christmas there, nor in a spring sale on CDNOW.
RECENT_SLUMP_SHARE, HORIZON_SLUMP_SHARE = 0.5, 0.2
# The share of last year's seasonal change expected again; it grows from none to all with the days of log before that season: from
# 120 days, or one horizon if that is longer, to twice as many. With less, the order models fit so badly that their errors are no
# season.
SEASON_SHARE = 0.8
MIN_SEASON_LOG_DAYS = 120
YEAR_DAYS = 365
# Past errors of the predicted level: at most so many windows count, and before any of them is known, errors of this size are
# taken for chance, an assumption worth two windows. The size is that of Online Retail's windows (docs/training.md).
MAX_PAST_WINDOWS, MIN_COVERED_DAYS, MIN_HORIZONS_BEFORE = 6, 330, 2
PRIOR_LEVEL_STD, PRIOR_LEVEL_WINDOWS = 0.35, 2


@dataclass(frozen=True)
class OffsetInputs:
    """A row per customer and day with a purchase, and the contacts where there is such a table."""

    days: pl.DataFrame
    contacts: pl.LazyFrame | None = None


def predicted_offset(encoded: EncodedTables, day: date, horizon_days: int, calendar: Calendar = NO_CALENDAR) -> SeasonalOffset:
    """Return the offset expected in [day, day + horizon), from what was known before `day`.

    Part of a recent slump lasts, nothing of a surge. Where the log is long enough, most of the change that followed this day
    a year ago, beyond what was expected to last then, is added: the season. As far as the log has no such season of its own, half
    of a surge before Christmas is expected to reverse. The events of the calendar that overlap the window are added.
    """
    known = known_before(encoded.tables, day)
    days = occasions(sorted_customer_days(known.transactions).lazy()).collect(engine="streaming")
    if days.is_empty():
        return SeasonalOffset()
    inputs = OffsetInputs(days, known.contacts)
    first: date = days[DAY].min()  # type: ignore[assignment]  # the minimum of dates is one
    lasting = _lasting_slump(inputs, day, horizon_days) + event_offset(calendar.events, day, horizon_days)
    year_ago = day - timedelta(days=YEAR_DAYS)
    log_days = (year_ago - first).days
    needed = max(MIN_SEASON_LOG_DAYS, horizon_days)
    weight = float(np.clip((log_days - needed) / needed, 0, 1))
    if weight < 1 and follows_christmas(calendar, day):
        surge = offset_as_of(inputs, day - timedelta(days=SURGE_DAYS), SURGE_DAYS)
        lasting += reversal(surge, horizon_days).scaled(1 - weight)
    if not weight or horizon_days > YEAR_DAYS:
        return lasting
    season = offset_as_of(inputs, year_ago, horizon_days) + _lasting_slump(inputs, year_ago, horizon_days).scaled(-1)
    return lasting + season.scaled(SEASON_SHARE * weight)


def persistent_offset(snapshots: list[Snapshot]) -> SeasonalOffset:
    """Return the mean error of the offsets predicted for closed windows, shrunk by how much the errors vary.

    The positive part of James and Stein (1961): errors of either sign, as seasons make them, cancel out and leave nothing; what
    recurs in every window remains. Only windows that do not overlap count, and they must cover most of a year: errors that recur
    for half a year may be a season. A window counts if two horizons of log came before it: with less, the order models fit worse
    than they do now.
    """
    windows = windows_apart([snapshot for snapshot in snapshots if _log_days(snapshot) >= _needed(snapshot)], MAX_PAST_WINDOWS)
    if sum(window.horizon_days for window in windows) < MIN_COVERED_DAYS:
        return SeasonalOffset()
    errors = [_offset_error(window) for window in windows]
    return SeasonalOffset(
        churn=_shrunk_mean([error.churn for error in errors]), value=_shrunk_mean([error.value for error in errors])
    )


def _log_days(snapshot: Snapshot) -> int:
    """Return the days of log before a snapshot: since the first order of its oldest customer."""
    days: int = snapshot.frame["T"].max()  # type: ignore[assignment]  # of a column of numbers
    return days


def _needed(snapshot: Snapshot) -> int:
    return MIN_HORIZONS_BEFORE * snapshot.horizon_days


def _offset_error(snapshot: Snapshot) -> SeasonalOffset:
    """Return the observed offset of a closed window less the one predicted for it."""
    frame = snapshot.frame
    expected = (frame["btyd_expected_orders"] * frame["btyd_expected_spend"]).to_numpy()
    churned, spend = frame["churned"].cast(pl.Float64).to_numpy(), frame["next_spend"].to_numpy()
    return observed_offset(frame["btyd_p_no_order"].to_numpy(), churned, expected, spend) + snapshot.btyd.offset.scaled(-1)


def _shrunk_mean(errors: list[float]) -> float:
    if not errors:
        return 0.0
    mean, count = float(np.mean(errors)), len(errors)
    squares = sum((error - mean) ** 2 for error in errors) + PRIOR_LEVEL_WINDOWS * PRIOR_LEVEL_STD**2
    variance = squares / (count - 1 + PRIOR_LEVEL_WINDOWS) / count
    return mean * max(1 - variance / mean**2, 0.0) if mean else 0.0


def _lasting_slump(inputs: OffsetInputs, day: date, horizon_days: int) -> SeasonalOffset:
    windows = ((max(horizon_days // RECENT_PARTS, 1), RECENT_SLUMP_SHARE), (horizon_days, HORIZON_SLUMP_SHARE))
    slumps = (offset_as_of(inputs, day - timedelta(days=length), length).slump().scaled(share) for length, share in windows)
    return sum(slumps, SeasonalOffset())


def offset_as_of(inputs: OffsetInputs, day: date, length: int) -> SeasonalOffset:
    """Return the observed offset of [day, day + length) from order models fitted before `day`; zero with too little data.

    Where there are enough of them, only customers without a contact in the window count.
    """
    histories = purchase_histories(inputs.days, day)
    if histories.height < MIN_CUSTOMERS:
        return SeasonalOffset()
    try:
        predicted = BuyTillYouDie.fit(histories).with_columns(histories, length)
    except TooLittleDataError:
        return SeasonalOffset()
    outcomes = _with_spend(predicted, inputs, day, length)
    expected = (outcomes["btyd_expected_orders"] * outcomes["btyd_expected_spend"]).to_numpy()
    no_order = outcomes["window_spend"].is_null().cast(pl.Float64).to_numpy()
    spend = outcomes["window_spend"].fill_null(0.0).to_numpy()
    return observed_offset(outcomes["btyd_p_no_order"].to_numpy(), no_order, expected, spend)


def _with_spend(predicted: pl.DataFrame, inputs: OffsetInputs, day: date, length: int) -> pl.DataFrame:
    """Add window_spend, null without a purchase in the window, and drop contacted customers where enough others remain."""
    window = inputs.days.filter(pl.col(DAY).is_between(day, day + timedelta(days=length), closed="left"))
    spend = window.group_by(CUSTOMER).agg(total(pl.col("spend")).alias("window_spend"))
    outcomes = predicted.join(spend, on=CUSTOMER, how="left", maintain_order="left")
    if inputs.contacts is None:
        return outcomes
    orders = window.lazy().select(CUSTOMER, pl.col(DAY).cast(pl.Datetime("us")).alias("ordered_at"))
    waits = with_waits(outcomes.lazy(), orders, inputs.contacts, day, length).collect().sort(CUSTOMER)
    untreated = untreated_rows(waits, length)
    return untreated if untreated.height >= MIN_CUSTOMERS else outcomes
