"""Past days to learn from: the features as of each day, and the outcomes of the horizon after it."""

import math
from dataclasses import replace
from datetime import date, timedelta

import polars as pl

from features.as_of import order_date_range
from features.build import features_as_of
from features.cancelled_orders import has_linked_orders
from features.frames.aliases import join_by_survivor
from features.frames.columns import CUSTOMER
from features.frames.encoded import EncodedTables
from features.frames.purchases import is_sale_line
from features.labels import LABELS, labels, with_labels, with_waits
from features.norms import Norms, compute_norms
from features.point_in_time import known_before
from features.tables.schema import INGESTED_AT, SUPERSEDED_AT, Tables
from models.btyd.pair import BuyTillYouDie
from models.btyd.seasonal_level import SeasonalOffset
from models.snapshot import MIN_CUSTOMERS, Snapshot, windows_apart
from settings.sections import Calendar, Loyalty
from training.data.progress import Progress, map_with_progress
from training.data.seasonal_levels import MAX_PAST_WINDOWS, NO_CALENDAR, persistent_offset, predicted_offset

MAX_SNAPSHOTS = 15
STEPS_PER_HORIZON = 3
MIN_STEP_DAYS = 7
MIN_SNAPSHOTS = 4
SHORT_LOG_STEPS, SHORT_LOG_HISTORY = 9, 1 / 3


def cut_offs(first: date, as_of: date, horizon_days: int) -> list[date]:
    """Return the days whose window closes by `as_of`, oldest first, a third of the horizon apart.

    At most fifteen, each with at least one horizon of orders before it. Where these are fewer than four, a third of a horizon
    before them suffices, and they are a ninth apart: a short log has few windows, and every one of them counts.
    """
    days = _days_back(first, as_of, horizon_days, STEPS_PER_HORIZON, horizon_days)
    if len(days) >= MIN_SNAPSHOTS:
        return days
    return _days_back(first, as_of, horizon_days, SHORT_LOG_STEPS, math.ceil(horizon_days * SHORT_LOG_HISTORY))


def _days_back(first: date, as_of: date, horizon_days: int, steps: int, history_days: int) -> list[date]:
    step = max(math.ceil(horizon_days / steps), MIN_STEP_DAYS)
    days = [as_of - timedelta(days=horizon_days + step * back) for back in range(MAX_SNAPSHOTS)]
    return [day for day in reversed(days) if (day - first).days >= history_days]


def build_snapshots(
    tables: Tables,
    encoded: EncodedTables,
    as_of: date,
    *,
    horizon_days: int,
    active_days: int,
    loyalty: Loyalty,
    progress: Progress,
    all_tables: Tables | None = None,
    calendar: Calendar = NO_CALENDAR,
) -> list[Snapshot]:
    """Return the snapshots that were closed and known before `as_of`, oldest first; possibly none.

    `encoded` are the encoded `tables`, shared by all days. Where `tables` hold a part of the customers, `all_tables` hold all of
    them, for the norms. A past day with fewer than thirty customers is left out. `calendar` has what was known in advance.
    """
    known, all_known = known_before(tables, as_of), known_before(all_tables or tables, as_of)
    days = cut_offs(order_date_range(known)[0], as_of, horizon_days)

    def build(day: date) -> Snapshot | None:
        norms = compute_norms(encoded.tables, day, all_known)
        features = buyer_features(encoded, day, active_days, loyalty, norms)
        offset = predicted_offset(encoded, day, horizon_days, calendar)
        return _snapshot(known, features, day, horizon_days, offset)

    built = map_with_progress(build, days, progress, "features of past days")
    snapshots = [snapshot for snapshot in built if snapshot is not None]
    return [_with_persistent_offset(snapshot, _judged_windows(snapshots, tables, snapshot.as_of)) for snapshot in snapshots]


def _judged_windows(snapshots: list[Snapshot], tables: Tables, day: date) -> list[Snapshot]:
    """Return the windows that a persistent offset needs, with the labels as they were known then."""
    closed = [snapshot for snapshot in snapshots if snapshot.closed_on <= day]
    return closed_before(windows_apart(closed, MAX_PAST_WINDOWS), tables, day)


def _with_persistent_offset(snapshot: Snapshot, closed: list[Snapshot]) -> Snapshot:
    """Return the snapshot with what past forecasts of the level missed again and again added to its seasonal offset."""
    btyd = snapshot.btyd.with_offset(snapshot.btyd.offset + persistent_offset(closed))
    return replace(snapshot, btyd=btyd, frame=snapshot.frame.with_columns(btyd.seasonal_columns()))


def closed_before(snapshots: list[Snapshot], tables: Tables, day: date) -> list[Snapshot]:
    """Return the snapshots whose window was closed before `day`, with the labels as they were known then.

    Orders that arrived late (`ingested_at`) do not count on an earlier day, and a later return cancels none.
    """
    closed = [snapshot for snapshot in snapshots if snapshot.closed_on <= day]
    dated = {INGESTED_AT.name, SUPERSEDED_AT}.intersection(tables.transactions.collect_schema())
    if not dated and tables.aliases is None and not has_linked_orders(tables.transactions):
        return closed
    known = known_before(tables, day)
    return [replace(snapshot, frame=_relabelled(snapshot, known)) for snapshot in closed]


def _relabelled(snapshot: Snapshot, known: Tables) -> pl.DataFrame:
    unlabelled, day, horizon = snapshot.frame.drop(LABELS).lazy(), snapshot.as_of, snapshot.horizon_days
    labelled = join_by_survivor(unlabelled, known.aliases, lambda rows: with_labels(rows, known.transactions, day, horizon))
    return labelled.collect(engine="streaming")


def buyer_features(encoded: EncodedTables, as_of: date, active_days: int, loyalty: Loyalty, norms: Norms) -> pl.DataFrame:
    """Return the features of every customer with a purchase before `as_of`."""
    return features_as_of(encoded, as_of, active_days, loyalty, norms).filter(pl.col("orders") > 0)


def _snapshot(known: Tables, features: pl.DataFrame, day: date, horizon_days: int, offset: SeasonalOffset) -> Snapshot | None:
    if features.height < MIN_CUSTOMERS:
        return None
    btyd = BuyTillYouDie.fit(features, needs_repeat_buyers=False).with_offset(offset)
    inputs = btyd.with_columns(features, horizon_days).lazy()
    inputs = inputs.join(_last_spend(known, day, horizon_days), on=CUSTOMER, how="left")
    inputs = inputs.with_columns(pl.col("last_spend").fill_null(0.0))
    frame = join_by_survivor(inputs, known.aliases, lambda rows: _with_outcomes(rows, known, day, horizon_days))
    return Snapshot(day, horizon_days, frame.sort(CUSTOMER).collect(engine="streaming"), btyd)


def _with_outcomes(rows: pl.LazyFrame, known: Tables, day: date, horizon_days: int) -> pl.LazyFrame:
    labelled = with_labels(rows, known.transactions, day, horizon_days)
    sales = known.transactions.filter(is_sale_line(known.transactions.collect_schema().names()))
    return with_waits(labelled, sales, known.contacts, day, horizon_days)


def _last_spend(known: Tables, day: date, horizon_days: int) -> pl.LazyFrame:
    """Return the spend in the period of the same length before `day`: the prediction of the naive value baseline."""
    before = known_before(known, day).transactions
    return labels(before, day - timedelta(days=horizon_days), horizon_days).select(
        CUSTOMER, pl.col("next_spend").alias("last_spend")
    )
