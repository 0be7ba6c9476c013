"""The gate behind the checks: commands do not run on a stopped table, unless told to with a reason that is recorded."""

from dataclasses import dataclass
from datetime import datetime

from expectations.history.loads import of_table, read_check_history
from expectations.history.overrides import record_override
from expectations.validation.report import TableReport
from expectations.validation.tables import check_tables, good_tables
from features.storage.hashing import NO_IDS, HashedIds
from features.storage.paths import good_path
from features.tables.errors import TableUnusableError
from features.tables.schema import ALL_TABLES, Tables
from settings.errors import UserError
from settings.sections import Settings

HOW_TO_GO_ON = 'See `validate`; `train`, `score` and `list` go on all the same with --despite "why".'


class TableStoppedError(UserError):  # noqa: N818  # it names the state, as the documentation does
    """The newest check stopped a table that the command rests on."""


@dataclass(frozen=True)
class OverrideRequest:
    """Go on with stopped tables: the command that does, and the reason given."""

    command: str
    reason: str


def load_tables(
    settings: Settings, now: datetime, despite: OverrideRequest | None = None, erased: HashedIds = NO_IDS
) -> tuple[Tables, list[TableReport]]:
    """Check every configured table and return the good rows with the counts.

    With `despite`, a table that a check stopped is used as it is; of one that cannot be read, the rows that were good last
    time. `erased` customers do not come back.

    Raises TableUnusable for a stopped table without it, and for an unreadable one that never was good.
    """
    reports = check_tables(settings, now, erased=erased)
    stopped = [report for report in reports if not report.usable]
    for report in stopped:
        there = good_path(settings.workspace.path, report.table).is_file()
        if despite is None or not there:
            hint = f" {HOW_TO_GO_ON}" if there and despite is None else ""
            raise TableUnusableError(report.table, f"{report.problem}{hint}", report.public)
    if stopped and despite:
        record_override(settings.workspace.path, despite.command, [report.table for report in stopped], despite.reason, now)
    return good_tables(settings.workspace.path, [report.table for report in reports]), reports


def refuse_stopped(settings: Settings, now: datetime, despite: OverrideRequest | None = None) -> None:
    """Raise Stopped where the newest check of a configured table stopped it; with `despite`, record that instead."""
    ledger = read_check_history(settings.workspace.path)
    newest = [of_table(ledger, name)[-1:] for name in ALL_TABLES if getattr(settings.tables, name) is not None]
    stopped = [load for found in newest for load in found if not load.usable]
    if stopped and despite is None:
        checks = ", ".join(stopped[0].stopped)
        raise TableStoppedError(
            f"Table {stopped[0].table} was stopped at its check of {stopped[0].seen_at} UTC ({checks}). {HOW_TO_GO_ON}"
        )
    if stopped and despite:
        record_override(settings.workspace.path, despite.command, [load.table for load in stopped], despite.reason, now)
