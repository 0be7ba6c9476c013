"""Check all configured tables: filter and measure them, run their checks, and record the outcome."""

from datetime import datetime

import polars as pl

from expectations.check import CheckSuite, Finding
from expectations.gx import run_checks
from expectations.history.loads import LoadRecord, append_records, format_timestamp, read_check_history, table_records
from expectations.history.reference import freeze_references
from expectations.measures.referential import days_behind, link_measures
from expectations.measures.table import empty_columns, largest_numbers
from expectations.suites.tables import build_checks, refuse_unknown_names
from expectations.validation.comparison import Comparison, accept_loads, compare_loads, load_measures
from expectations.validation.report import TableReport
from expectations.validation.table import MeasuredTable, measure_table
from features.cancelled_orders import net_of_returns
from features.storage.hashing import NO_IDS, HashedIds
from features.storage.paths import good_path
from features.tables.schema import ALIASES, ALL_TABLES, SOURCE_TABLES, TRANSACTIONS, Tables
from settings.sections import Settings

STANDING_FACTOR = 1.25  # a warning is reported again when it has grown by more


def check_tables(
    settings: Settings, now: datetime, *, docs: bool = False, renew_reference: bool = False, erased: HashedIds = NO_IDS
) -> list[TableReport]:
    """Check every configured table and return a report for each, unusable ones included.

    Writes good rows, quarantine, results and check history. A load that no check stops becomes the accepted load of its table.
    `docs` also writes the pages of Great Expectations, `renew_reference` replaces the frozen reference. Rows of `erased`
    customers are kept out.
    Raises SettingsError for an invalid rule, check or severity in `[checks]`.
    """
    tables = [table for table in SOURCE_TABLES.values() if getattr(settings.tables, table.name) is not None]
    for table in tables:
        refuse_unknown_names(table, getattr(settings.checks, table.name))
    history, workspace = read_check_history(settings.workspace.path), settings.workspace.path
    measured = [measure_table(settings, table, table_records(history, table.name), now, erased) for table in tables]
    comparisons = compare_loads(settings, measured, now)
    findings = run_checks(_build_suites(settings, measured, comparisons), workspace, docs=docs)
    newest = {table.table.name: table_records(history, table.table.name)[-1:] for table in measured}
    reports = [_build_report(table, findings[table.table.name], newest[table.table.name]) for table in measured]
    append_records(workspace, [_load_record(table, report, now) for table, report in zip(measured, reports, strict=True)])
    usable = [table for table, report in zip(measured, reports, strict=True) if report.usable]
    accept_loads(workspace, comparisons, [table.table.name for table in usable])
    largest = {table.table.name: (table.used, largest_numbers(table.filter_result)) for table in usable if table.filter_result}
    freeze_references(workspace, largest, now, renew=renew_reference)
    return reports


def good_tables(settings: Settings, names: list[str]) -> Tables:
    """Return the good rows of these tables as the newest check left them."""
    paths = {name: good_path(settings.workspace.path, name) for name in names if name in {*ALL_TABLES, ALIASES.name}}
    tables = Tables(**{name: pl.scan_parquet(path, glob=False) for name, path in paths.items()})
    return net_of_returns(tables, settings.purchases)


def _build_suites(settings: Settings, measured: list[MeasuredTable], comparisons: dict[str, Comparison]) -> list[CheckSuite]:
    """Return the suite of each table; measures across tables need readable orders."""
    readable = {table.table.name: table.filter_result for table in measured if table.filter_result}
    has_orders = TRANSACTIONS.name in readable
    across_tables = link_measures(good_tables(settings, list(readable))) if has_orders else {}
    newest = {name: result.totals["newest"] for name, result in readable.items()}
    suites = []
    for table in measured:
        name, limits = table.table.name, getattr(settings.checks, table.table.name)
        measures = table.measures | across_tables.get(name, {}) | days_behind(name, newest)
        measures |= load_measures(comparisons[name], limits) if name in comparisons else {}
        suites.append(CheckSuite(name, build_checks(table.table, table.rules, limits), measures))
    return suites


def _build_report(measured: MeasuredTable, findings: list[Finding], before: list[LoadRecord]) -> TableReport:
    stopped = next((finding for finding in findings if not finding.passed and finding.check.severity == "stop"), None)
    problem = measured.error.sentence if measured.error else (stopped.message if stopped else None)
    return TableReport(
        measured.table.name,
        read=measured.filter_result.read if measured.filter_result else 0,
        used=measured.used,
        rules=measured.rows_by_rule,
        released=measured.releases.rows,
        problem=problem,
        public_problem=measured.error.public if measured.error else problem,
        findings=findings,
        standing=frozenset(finding.check.name for finding in findings if before and _is_standing(finding, before[0])),
    )


def _is_standing(finding: Finding, before: LoadRecord) -> bool:
    """Return whether the load before failed the same check, with a value at most a quarter better."""
    if finding.passed or finding.check.name not in before.failed:
        return False
    value, earlier = finding.measure.value, before.failed[finding.check.name]
    if finding.check.low is not None and value < finding.check.low:
        return value * STANDING_FACTOR >= earlier
    return value <= earlier * STANDING_FACTOR


def _load_record(measured: MeasuredTable, report: TableReport, now: datetime) -> LoadRecord:
    failed = [finding for finding in report.findings if not finding.passed]
    # Rows per rule have their own field, and the age of the data changes from day to day without a new load.
    recorded = [finding for finding in failed if finding.check.name not in report.rules and finding.check.name != "fresh"]
    return LoadRecord(
        report.table,
        checked_at=format_timestamp(now),
        seen_at=format_timestamp(now),
        content=measured.filter_result.content_hash if measured.filter_result else "",
        read=report.read,
        used=report.used,
        usable=report.usable,
        rules=report.rules,
        failed={finding.check.name: finding.measure.value for finding in recorded},
        stopped=[finding.check.name for finding in failed if finding.check.severity == "stop"],
        empty_columns=empty_columns(measured.filter_result) if measured.filter_result else [],
    )
