"""The gate: commands refuse a stopped table unless the user overrides the check with a reason, which is recorded."""

from dataclasses import dataclass
from datetime import datetime

from expectations.history.loads import read_check_history, table_records
from expectations.history.overrides import record_override
from expectations.validation.report import TableReport
from expectations.validation.tables import check_tables, good_tables
from features.storage.hashing import NO_IDS, HashedIds
from features.storage.paths import good_path
from features.tables.errors import TableUnusableError
from features.tables.schema import ALL_TABLES, Tables
from settings.errors import UserError
from settings.sections import Settings

OVERRIDE_HINT = 'Run `validate` for details. To go on anyway, add --override "reason" to `train`, `score`, `list` or `run`.'


class TableStoppedError(UserError):  # it names the state, as the documentation does
    """The newest check stopped a table that the command needs."""


@dataclass(frozen=True)
class OverrideRequest:
    """The request of a command to go on with stopped tables, and the reason for it."""

    command: str
    reason: str


def load_tables(
    settings: Settings, now: datetime, override: OverrideRequest | None = None, erased: HashedIds = NO_IDS
) -> tuple[Tables, list[TableReport]]:
    """Check every configured table and return the good rows with the reports.

    With `override`, the good rows of a stopped table are used; of an unreadable table, the good rows of the last check that
    could read it. Rows of `erased` customers are kept out.

    Raises TableUnusableError for a stopped table without `override`, and for an unreadable one that never had good rows.
    """
    reports = check_tables(settings, now, erased=erased)
    stopped = [report for report in reports if not report.usable]
    for report in stopped:
        has_good_rows = good_path(settings.workspace.path, report.table).is_file()
        if override is None or not has_good_rows:
            hint = f" {OVERRIDE_HINT}" if has_good_rows and override is None else ""
            raise TableUnusableError(report.table, f"{report.problem}{hint}", report.public_problem)
    if stopped and override:
        record_override(settings.workspace.path, override.command, [report.table for report in stopped], override.reason, now)
    return good_tables(settings.workspace.path, [report.table for report in reports]), reports


def refuse_stopped_tables(settings: Settings, now: datetime, override: OverrideRequest | None = None) -> None:
    """Raise TableStoppedError if the newest check stopped a configured table; with `override`, record that instead."""
    history = read_check_history(settings.workspace.path)
    configured = [name for name in ALL_TABLES if getattr(settings.tables, name) is not None]
    newest = [load for name in configured for load in table_records(history, name)[-1:]]
    stopped = [load for load in newest if not load.usable]
    if stopped and override is None:
        checks = ", ".join(stopped[0].stopped)
        raise TableStoppedError(
            f"The check of {stopped[0].seen_at} UTC stopped the table {stopped[0].table} ({checks}). {OVERRIDE_HINT}"
        )
    if stopped and override:
        record_override(settings.workspace.path, override.command, [load.table for load in stopped], override.reason, now)
