"""Check all configured tables: sift, judge, record."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from expectations.check import CheckSuite, Finding
from expectations.gx import run_checks
from expectations.history.loads import LoadRecord, of_table, read_check_history, record, stamp
from expectations.history.reference import freeze
from expectations.measures import table as measures
from expectations.measures.referential import days_behind, links
from expectations.suites.tables import checks_of, refuse_unknown
from expectations.validation.report import TableReport
from expectations.validation.table import Checked, check_table
from features.storage.hashing import NO_IDS, HashedIds
from features.storage.paths import good_path
from features.tables.schema import ALL_TABLES, TRANSACTIONS, Tables
from settings.sections import Settings


def utc_now() -> datetime:
    """Return the present moment in UTC, without a zone, as the tables hold it."""
    return datetime.now(UTC).replace(tzinfo=None)


def check_tables(
    settings: Settings, now: datetime, *, docs: bool = False, renew_reference: bool = False, erased: HashedIds = NO_IDS
) -> list[TableReport]:
    """Check every configured table, unusable ones included; write good rows, quarantine, results and the ledger.

    With `docs` Great Expectations' pages are written too; `renew_reference` freezes the largest numbers anew. `erased` customers
    do not come back.
    Raises SettingsError for a rule, check or severity in `[checks]` that cannot be.
    """
    tables = [table for table in ALL_TABLES.values() if getattr(settings.tables, table.name) is not None]
    for table in tables:
        refuse_unknown(table, getattr(settings.checks, table.name))
    ledger, workspace = read_check_history(settings.workspace.path), settings.workspace.path
    checked = [check_table(settings, table, of_table(ledger, table.name), now, erased) for table in tables]
    findings = run_checks(_borders(settings, checked), workspace, docs=docs)
    reports = [_report(each, findings[each.table.name]) for each in checked]
    record(workspace, [_load(each, report, now) for each, report in zip(checked, reports, strict=True)])
    usable = [each for each, report in zip(checked, reports, strict=True) if report.usable and each.sifted]
    found = {each.table.name: (each.used, measures.largest(each.sifted)) for each in usable if each.sifted}
    freeze(workspace, found, now, renew=renew_reference)
    return reports


def good_tables(workspace: Path, names: list[str]) -> Tables:
    """Return the good rows of these tables as the newest check left them."""
    return Tables(**{name: pl.scan_parquet(good_path(workspace, name), glob=False) for name in names})


def _borders(settings: Settings, checked: list[Checked]) -> list[CheckSuite]:
    """What is to be judged per table; measures across tables only where there are orders."""
    there = [each.table.name for each in checked if each.sifted]
    across = links(good_tables(settings.workspace.path, there)) if TRANSACTIONS.name in there else {}
    newest = {each.table.name: each.sifted.totals["newest"] for each in checked if each.sifted}
    return [
        CheckSuite(
            each.table.name,
            checks_of(each.table, each.rules, getattr(settings.checks, each.table.name)),
            each.measures | across.get(each.table.name, {}) | days_behind(each.table.name, newest),
        )
        for each in checked
    ]


def _report(each: Checked, findings: list[Finding]) -> TableReport:
    stopped = next((finding for finding in findings if not finding.holds and finding.check.severity == "stop"), None)
    said = each.unusable.sentence if each.unusable else (stopped.message if stopped else None)
    return TableReport(
        each.table.name,
        read=each.sifted.read if each.sifted else 0,
        used=each.used,
        rules=each.broken,
        released=each.applied.rows,
        problem=said,
        public=each.unusable.public if each.unusable else said,
        findings=findings,
    )


def _load(each: Checked, report: TableReport, now: datetime) -> LoadRecord:
    failed = {finding.check.name: finding.measure.value for finding in report.findings if not finding.holds}
    return LoadRecord(
        report.table,
        checked_at=stamp(now),
        seen_at=stamp(now),
        content=each.sifted.content if each.sifted else "",
        read=report.read,
        used=report.used,
        usable=report.usable,
        rules=report.rules,
        failed={name: value for name, value in failed.items() if name not in report.rules and name != "fresh"},
        stopped=[finding.check.name for finding in report.findings if not finding.holds and finding.check.severity == "stop"],
        empty_columns=measures.empty_columns(each.sifted) if each.sifted else [],
    )
