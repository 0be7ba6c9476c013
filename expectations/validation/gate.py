"""The gate: commands refuse a stopped table unless the user overrides the check with a reason, which is recorded."""

from datetime import datetime

from expectations.history.accepted import accept_pending
from expectations.history.loads import lift_stops
from expectations.history.overrides import record_override
from expectations.suites.load_changes import load_checks
from expectations.validation.report import TableReport
from expectations.validation.stopped import OVERRIDE_HINT, OVERRIDE_OPTION, OverrideRequest
from expectations.validation.tables import check_tables, good_tables
from features.storage.hashing import NO_IDS, HashedIds
from features.storage.paths import good_path
from features.tables.errors import TableUnusableError
from features.tables.schema import ALL_TABLES, TRANSACTIONS, Tables
from settings.sections import Settings


def load_tables(
    settings: Settings, now: datetime, override: OverrideRequest | None = None, erased: HashedIds = NO_IDS
) -> tuple[Tables, list[TableReport]]:
    """Check every configured table and return the good rows with the reports.

    With `override`, the good rows of a stopped table are used, and its load becomes the accepted one; of an unreadable table,
    the good rows of the last check that could read it. Rows of `erased` customers are kept out.

    Raises TableUnusableError for a stopped table without `override`, and for an unreadable one that never had good rows.
    """
    reports = check_tables(settings, now, erased=erased)
    stopped = [report for report in reports if not report.usable]
    for report in stopped:
        has_good_rows = good_path(settings.workspace.path, report.table).is_file()
        if override is None or not has_good_rows:
            hint = _hint(report) if has_good_rows and override is None else ""
            raise TableUnusableError(report.table, f"{report.problem}{hint}", report.public_problem)
    if stopped and override:
        record_override(settings.workspace.path, override.command, [report.table for report in stopped], override.reason, now)
        _accept_loads(settings, reports)
    return good_tables(settings, [report.table for report in reports]), reports


def _hint(report: TableReport) -> str:
    """Return how to go on with a stopped table, unless its problem says so."""
    return "" if OVERRIDE_OPTION in (report.problem or "") else f" {OVERRIDE_HINT}"


def _accept_loads(settings: Settings, reports: list[TableReport]) -> None:
    """Make the loads of all readable tables the accepted ones; none without readable orders, on which all links depend.

    What a load differed in from the accepted one no longer stops it, neither now nor in a later check.
    """
    readable = [report.table for report in reports if report.read]
    if TRANSACTIONS.name not in readable:
        return
    for table in (table for table in readable if table in ALL_TABLES):
        accept_pending(settings.workspace.path, table)
        checks = load_checks(ALL_TABLES[table], getattr(settings.checks, table))
        lift_stops(settings.workspace.path, [table], [check.name for check in checks])
