"""Past days to learn from: features as of each, and what happened in the horizon after it."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import polars as pl

from features.as_of import order_days
from features.build import features_as_of
from features.frames.columns import CUSTOMER
from features.frames.encoded import EncodedTables
from features.frames.purchases import is_sale_line
from features.labels import LABELS, labels, with_labels, with_waits
from features.norms import Norms, compute_norms
from features.point_in_time import known_before
from features.tables.schema import INGESTED_AT, Tables
from models.btyd.pair import BuyTillYouDie
from models.errors import TooLittleDataError
from models.snapshot import MIN_CUSTOMERS, Snapshot
from settings.sections import Loyalty
from training.data.seasonal_levels import predicted_offset

MAX_SNAPSHOTS = 15
STEPS_PER_HORIZON = 3
SHORTEST_STEP = 7

Progress = Callable[[str, int, int], None]


def cut_offs(first: date, as_of: date, horizon_days: int) -> list[date]:
    """Return the days whose window closes by `as_of`, oldest first, a third of the horizon apart.

    At most fifteen, and none with less than one horizon of orders before it.
    """
    step = max(math.ceil(horizon_days / STEPS_PER_HORIZON), SHORTEST_STEP)
    days = [as_of - timedelta(days=horizon_days + step * back) for back in range(MAX_SNAPSHOTS)]
    return [day for day in reversed(days) if day - first >= timedelta(days=horizon_days)]


def build_snapshots(
    tables: Tables,
    encoded: EncodedTables,
    as_of: date,
    horizon_days: int,
    active_days: int,
    loyalty: Loyalty,
    progress: Progress,
    everyone: Tables | None = None,
) -> list[Snapshot]:
    """Return the snapshots that were closed and known before `as_of`, oldest first; maybe none.

    `past` is the History of `tables`, which serves every day; `everyone` the tables of all customers, where `tables` are of
    a part: they tell what sold. A past day on which the buy-till-you-die models find too
    little data gives none.
    """
    known, all_known = known_before(tables, as_of), known_before(everyone or tables, as_of)
    days = cut_offs(order_days(known)[0], as_of, horizon_days)
    found = []
    for done, day in enumerate(days):
        progress("features of past days", done, len(days))
        norms = compute_norms(encoded.tables, day, all_known)
        snapshot = _snapshot(known, encoded, day, horizon_days, active_days, loyalty, norms)
        found += [snapshot] if snapshot else []
    progress("features of past days", len(days), len(days))
    return found


def answered_before(snapshots: list[Snapshot], tables: Tables, day: date) -> list[Snapshot]:
    """Return the snapshots whose window was closed before `day`, with the answers as they were known then.

    Orders that arrived late (`ingested_at`) are no answer yet on an earlier day.
    """
    closed = [snapshot for snapshot in snapshots if snapshot.closed_on <= day]
    if INGESTED_AT.name not in tables.transactions.collect_schema():
        return closed
    known = known_before(tables, day).transactions
    return [replace(snapshot, frame=_relabelled(snapshot, known)) for snapshot in closed]


def _relabelled(snapshot: Snapshot, known: pl.LazyFrame) -> pl.DataFrame:
    bare = snapshot.frame.drop(LABELS).lazy()
    return with_labels(bare, known, snapshot.as_of, snapshot.horizon_days).collect(engine="streaming")


def buyers(encoded: EncodedTables, as_of: date, active_days: int, loyalty: Loyalty, norms: Norms) -> pl.DataFrame:
    """Return the features of every customer with a purchase before `as_of`."""
    return features_as_of(encoded, as_of, active_days, loyalty, norms).filter(pl.col("orders") > 0)


def _snapshot(
    known: Tables, encoded: EncodedTables, day: date, horizon_days: int, active_days: int, loyalty: Loyalty, norms: Norms
) -> Snapshot | None:
    features = buyers(encoded, day, active_days, loyalty, norms)
    if features.height < MIN_CUSTOMERS:
        return None
    try:
        btyd = BuyTillYouDie.fit(features).expecting(predicted_offset(encoded, day, horizon_days))
    except TooLittleDataError:
        return None
    seen = btyd.with_columns(features, horizon_days).lazy().join(_last_spend(known, day, horizon_days), on=CUSTOMER, how="left")
    answered = with_labels(seen.with_columns(pl.col("last_spend").fill_null(0.0)), known.transactions, day, horizon_days)
    sales = known.transactions.filter(is_sale_line(known.transactions.collect_schema().names()))
    frame = with_waits(answered, sales, known.contacts, day, horizon_days)
    return Snapshot(day, horizon_days, frame.sort(CUSTOMER).collect(engine="streaming"), btyd)


def _last_spend(known: Tables, day: date, horizon_days: int) -> pl.LazyFrame:
    """Spend in the period of the same length before `day`: what the naive value baseline foretells."""
    before = known_before(known, day).transactions
    return labels(before, day - timedelta(days=horizon_days), horizon_days).select(
        CUSTOMER, pl.col("next_spend").alias("last_spend")
    )
