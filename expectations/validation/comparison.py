"""Compare the load of each table with its accepted load, and make it the accepted one if no check stops it."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from expectations.check import Measure
from expectations.history.accepted import (
    DamagedProfileError,
    Links,
    ProfileHeader,
    accept_pending,
    accepted_path,
    read_accepted,
    read_comparison,
    remove_pending,
    write_pending,
)
from expectations.history.loads import format_timestamp
from expectations.measures.load_amounts import amount_measures
from expectations.measures.load_links import count_links, link_changes
from expectations.measures.load_orders import order_measures
from expectations.measures.load_profile import build_profile, read_days
from expectations.measures.load_rows import MANY, customer_measures, month_measures, row_measures
from expectations.measures.load_window import load_window
from expectations.validation.table import MeasuredTable
from features.point_in_time import current_rows
from features.storage.paths import good_path
from features.tables.schema import ALL_TABLES, CUSTOMERS, TRANSACTIONS, Table
from settings.checks import TableChecks
from settings.sections import Settings

SEED_BITS = 64
Measures = dict[str, Measure]
DAMAGED = {"damaged_profile": Measure(1, "this load becomes the accepted one if no check stops it")}


@dataclass(frozen=True)
class Comparison:
    """A load beside the accepted one: what identifies it, and the measures of what changed."""

    header: ProfileHeader
    measures: Measures


def compare_loads(settings: Settings, measured: list[MeasuredTable], now: datetime) -> dict[str, Comparison]:
    """Compare each readable table with its accepted load; return the comparisons by name of table.

    The profiles of changed loads are written as pending. Without an accepted load there is nothing to compare.
    """
    workspace = settings.workspace.path
    for table in measured:
        remove_pending(workspace, table.table.name)
    readable = [table for table in measured if table.filter_result and table.table.name in ALL_TABLES]
    orders = next((table for table in readable if table.table is TRANSACTIONS), None)
    return {table.table.name: _compare(settings, table, orders, now) for table in readable}


def load_measures(comparison: Comparison, limits: TableChecks) -> Measures:
    """Return what the checks of a load look at: a share with two bounds has a measure per check.

    The check that warns is left out where the other one stops, so that nothing is said twice.
    """
    measures = comparison.measures
    many = {name: measures.get(MANY + name, measures[name]) for name in measures if hasattr(limits, f"stop_{name}")}
    stopping = [name for name in many if limits.severity.get(MANY + name, "stop") == "stop"]
    repeated = {name for name in stopping if many[name].value > getattr(limits, f"stop_{name}")}
    kept = {name: measure for name, measure in measures.items() if name not in repeated}
    return kept | {MANY + name: measure for name, measure in many.items()}


def accept_loads(workspace: Path, comparisons: dict[str, Comparison], usable: Collection[str]) -> None:
    """Make the loads of `usable` tables the accepted ones; none without usable orders, on which all links depend."""
    if TRANSACTIONS.name not in usable:
        return
    for name in usable:
        if name in comparisons:
            entries = {key: (measure.value, measure.detail) for key, measure in comparisons[name].measures.items()}
            accept_pending(workspace, name, comparisons[name].header, entries)


def _compare(settings: Settings, table: MeasuredTable, orders: MeasuredTable | None, now: datetime) -> Comparison:
    workspace, name = settings.workspace.path, table.table.name
    before, measures = _read_accepted(workspace, name)
    header = _header(workspace, table, orders, now, before)
    if before and before.has_same_rows(header):
        measures = {key: Measure(*entry) for key, entry in read_comparison(workspace, name, before).items()}
        if before.links == header.links:
            return Comparison(header, measures)
    pending = write_pending(workspace, name, header, _profile(workspace, table, header))
    if before and before.content != header.content:
        profiles = (pl.scan_parquet(accepted_path(workspace, name), glob=False), pl.scan_parquet(pending, glob=False))
        measures = _measure_readable(table.table, before, profiles, getattr(settings.checks, name))
    if before and before.links and header.links:
        measures = measures | link_changes(before.links, header.links, before.day)
    return Comparison(header, measures)


def _read_accepted(workspace: Path, name: str) -> tuple[ProfileHeader | None, Measures]:
    try:
        return read_accepted(workspace, name), {}
    except DamagedProfileError:
        return None, DAMAGED


def _header(
    workspace: Path, table: MeasuredTable, orders: MeasuredTable | None, now: datetime, before: ProfileHeader | None
) -> ProfileHeader:
    """Return the header of a load; it keeps the seed of the accepted load, as hashes are compared."""
    return ProfileHeader(
        checked_at=format_timestamp(now),
        content=_content(table),
        used=table.used,
        seed=before.seed if before else secrets.randbits(SEED_BITS),
        newest=_newest_day(table),
        links=_links(workspace, table, orders, before),
    )


def _links(workspace: Path, table: MeasuredTable, orders: MeasuredTable | None, before: ProfileHeader | None) -> Links | None:
    """Return the links of a table to readable orders; those of the accepted load if neither of the two changed."""
    if orders is None or table is orders:
        return None
    orders_content = f"{_content(orders)} {orders.used}"
    is_same = before and (before.content, before.used) == (_content(table), table.used)
    if before and before.links and is_same and before.links.orders == orders_content:
        return before.links
    return count_links(_good(workspace, table), _good(workspace, orders), orders_content, _is_new(table.table, before))


def _is_new(table: Table, before: ProfileHeader | None) -> pl.Expr:
    """Whether a row is newer than the accepted load; never in the customers table, where newcomers have no orders yet."""
    if before is None or not before.newest or table is CUSTOMERS:
        return pl.lit(value=False)
    return pl.col(table.known_from).dt.date() > date.fromisoformat(before.newest)


def _newest_day(table: MeasuredTable) -> str:
    newest = table.filter_result.totals["newest"] if table.filter_result else None
    return "" if newest is None else str(newest.date())


def _content(table: MeasuredTable) -> str:
    return table.filter_result.content_hash if table.filter_result else ""


def _good(workspace: Path, table: MeasuredTable) -> pl.LazyFrame:
    return current_rows(pl.scan_parquet(good_path(workspace, table.table.name), glob=False))


def _profile(workspace: Path, table: MeasuredTable, header: ProfileHeader) -> pl.LazyFrame:
    assert table.filter_result is not None, "only readable tables are compared"  # noqa: S101  # for the type checker
    return build_profile(table.table, _good(workspace, table), table.filter_result, header.seed)


def _measure_readable(
    table: Table, before: ProfileHeader, profiles: tuple[pl.LazyFrame, pl.LazyFrame], limits: TableChecks
) -> Measures:
    """Return the measures of a load against the accepted one; only that its profile is damaged where it cannot be read."""
    try:
        return _measure_changes(table, before, profiles, limits)
    except (pl.exceptions.ComputeError, OSError):
        return DAMAGED


def _measure_changes(
    table: Table, before: ProfileHeader, profiles: tuple[pl.LazyFrame, pl.LazyFrame], limits: TableChecks
) -> Measures:
    """Return the measures of a load against the accepted one, from both profiles, except those of links."""
    days_before, days = map(read_days, profiles)
    window = load_window(days_before, days, limits.settling_days, before.day)
    customers = customer_measures(*profiles, window, before.day)
    if window is None:
        return customers
    rows = row_measures(days_before, days, window, limits.least_rows)
    own = order_measures(*profiles, window, limits.least_rows) if table is TRANSACTIONS else rows
    return amount_measures(days_before, days, window) | month_measures(days_before, days, window) | own | customers
