"""Filter the rows of one table, apply stored releases, and take the measures that its checks look at."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

import polars as pl

from expectations.check import Measure
from expectations.history.loads import LoadRecord
from expectations.history.reference import Reference, read_references
from expectations.measures.alike_words import alike_words
from expectations.measures.odd_products import odd_products
from expectations.measures.table import repeated_keys, rule_measures, table_measures
from expectations.rows.custom_rules import custom_measures
from expectations.rows.filter import FilterResult, filter_rows
from expectations.rows.order_versions import version_measures
from expectations.rows.reasons import main_reasons
from expectations.rows.releases import NO_RELEASES, AppliedReleases, apply_releases
from expectations.rows.rule import Rule
from expectations.rows.superseded import superseded_rule
from expectations.rows.unusable import refuse_unusable
from expectations.suites.any_rows import erased_rule, foreign_rule, left_out_rule
from expectations.suites.tables import TABLE_SUITES, build_rules
from features.point_in_time import current_rows
from features.storage.durable import replace_durably
from features.storage.files import temporary_path
from features.storage.hashing import NO_IDS, HashedIds
from features.storage.paths import good_path, quarantine_path
from features.tables.currency import CURRENCY, in_shop_currency
from features.tables.errors import TableUnusableError
from features.tables.read import RawTable, read_table
from features.tables.schema import RATES, TRANSACTIONS, Table
from features.tables.selection import LEFT_OUT
from settings.checks import TableChecks
from settings.clock import to_shop_time
from settings.sections import Settings

CUSTOMER_IDS = ("customer_id", "old_id", "new_id")
QUARANTINED_SHARE = "quarantined_share"


@dataclass(frozen=True)
class MeasuredTable:
    """A table after its pass: its measures, the rules that were applied, and the counts.

    An unusable table has `error`, a single measure, and no `filter_result`.
    """

    table: Table
    measures: dict[str, Measure]
    rules: list[Rule] = field(default_factory=list)
    filter_result: FilterResult | None = None
    releases: AppliedReleases = NO_RELEASES
    error: TableUnusableError | None = None

    @property
    def used(self) -> int:
        """Good rows and released ones."""
        return self.filter_result.used + self.releases.rows if self.filter_result else 0

    @property
    def rows_by_rule(self) -> dict[str, int]:
        """Rows set aside per rule, without released ones."""
        counts = self.filter_result.rows_by_rule if self.filter_result else {}
        remaining = {name: rows - self.releases.rows_by_rule.get(name, 0) for name, rows in counts.items() if name is not None}
        return {name: rows for name, rows in remaining.items() if rows}


def measure_table(
    settings: Settings, table: Table, before: list[LoadRecord], now: datetime, erased: HashedIds = NO_IDS
) -> MeasuredTable:
    """Write the good rows and the quarantine of one table, and return its measures; `before` has its earlier loads.

    Rows of `erased` customers are counted but written nowhere. Both files are replaced at the end; for an unusable table
    they stay as they were.
    """
    now = to_shop_time(now, settings.workspace.time_zone)  # as the times in the tables
    try:
        raw = read_table(settings, table.name)
        assert raw is not None, "only configured tables are checked"  # noqa: S101  # for the type checker
        raw = _in_shop_currency(settings, raw, now) if table is TRANSACTIONS else raw
        filtered = _filter(settings, table, raw, now, erased)
    except TableUnusableError as error:
        return MeasuredTable(table, {"readable": Measure(1)}, error=error)
    rules, result, releases, reasons = filtered
    limits: TableChecks = getattr(settings.checks, table.name)
    used = result.used + releases.rows
    good = current_rows(pl.scan_parquet(good_path(settings.workspace.path, table.name), glob=False))
    measures = rule_measures(result, rules, releases.rows_by_rule)
    measures |= table_measures(result, used, limits, before, raw.files, now)
    measures |= repeated_keys(good, TABLE_SUITES[table.name].KEYS)
    measures |= version_measures(result.order_versions, measures["overlap"])
    measures |= odd_products(good) | alike_words(good) | custom_measures(table, good, limits)
    if QUARANTINED_SHARE in measures:
        measures[QUARANTINED_SHARE] = replace(measures[QUARANTINED_SHARE], detail=reasons)
    measures |= {"readable": Measure(0), "lost_releases": Measure(releases.lost)}
    return MeasuredTable(table, measures, rules=rules, filter_result=result, releases=releases)


def _in_shop_currency(settings: Settings, raw: RawTable, now: datetime) -> RawTable:
    """Return the order lines in the currency of the shop, at the rates as the newest check left them."""
    path = good_path(settings.workspace.path, RATES.name)
    rates = pl.scan_parquet(path, glob=False) if settings.tables.rates is not None and path.is_file() else None
    return replace(raw, rows=in_shop_currency(raw.rows, settings.value.currency, rates, now.date()))


class _Filtered(NamedTuple):
    """The rules of a table, what they set aside and why, and the releases."""

    rules: list[Rule]
    result: FilterResult
    releases: AppliedReleases
    reasons: str


def _filter(settings: Settings, table: Table, raw: RawTable, now: datetime, erased: HashedIds) -> _Filtered:
    """Filter the rows; if files repeat each other, filter again with the copies set aside."""
    workspace = settings.workspace.path
    rules = _rules(settings, table, raw, now, erased)
    good_file, quarantine_file = good_path(workspace, table.name), quarantine_path(workspace, table.name)
    with temporary_path(good_file) as good, temporary_path(quarantine_file) as bad:
        result = filter_rows(table, raw, rules, good, bad, erased)
        if result.repeated_files:
            rules = _rules(settings, table, raw, now, erased, result.repeated_files)
            result = filter_rows(table, raw, rules, good, bad, erased)
        reasons = main_reasons(result.rows_by_rule, rules, bad)
        refuse_unusable(table, result, raw.rows, reasons)
        releases = apply_releases(settings.workspace, table, result, rules, good, bad)
        replace_durably(good, good_file)
        replace_durably(bad, quarantine_file)
    return _Filtered(rules, result, releases, reasons)


def _rules(
    settings: Settings, table: Table, raw: RawTable, now: datetime, erased: HashedIds, repeated: list[str] | None = None
) -> list[Rule]:
    largest = read_references(settings.workspace.path).get(table.name, Reference()).largest
    names = raw.rows.collect_schema().names()
    columns = [column.name for column in table.columns if column.name in names]
    rules = build_rules(table, columns, getattr(settings.checks, table.name), now, largest, repeated or [])
    rules += [foreign_rule(settings.value.currency)] if table is TRANSACTIONS and CURRENCY in columns else []
    rules += [superseded_rule(raw.key)] if raw.key else []
    rules = [left_out_rule(), *rules] if LEFT_OUT in names else rules
    own = [name for name in CUSTOMER_IDS if name in columns]
    return [erased_rule(erased, own), *rules] if erased.hashes and own else rules
