"""Stopped tables: commands and the service refuse to go on with them unless the user overrides the check."""

from dataclasses import dataclass
from datetime import datetime

from expectations.history.loads import LoadRecord, read_check_history, table_records
from expectations.history.overrides import record_override
from features.tables.schema import SOURCE_TABLES
from settings.errors import UserError
from settings.sections import Settings

OVERRIDE_OPTION = "--override"
OVERRIDE_HINT = 'Run `validate` for details. To go on anyway, add --override "reason" to `train`, `score`, `list` or `run`.'


class TableStoppedError(UserError):
    """The newest check stopped a table that is needed."""


@dataclass(frozen=True)
class OverrideRequest:
    """The request of a command to go on with stopped tables, and the reason for it."""

    command: str
    reason: str


def refuse_stopped_tables(settings: Settings, override: OverrideRequest | None = None) -> None:
    """Raise TableStoppedError if the newest check stopped a configured table; nothing happens with `override`."""
    stopped = _stopped_loads(settings)
    if stopped and override is None:
        checks = ", ".join(stopped[0].stopped)
        raise TableStoppedError(
            f"The check of {stopped[0].seen_at} UTC stopped the table {stopped[0].table} ({checks}). {OVERRIDE_HINT}"
        )


def record_stopped_override(settings: Settings, now: datetime, override: OverrideRequest | None) -> None:
    """Record that `override` goes on with the stopped tables; nothing is recorded without it, or without a stopped table."""
    stopped = [load.table for load in _stopped_loads(settings)]
    if stopped and override:
        record_override(settings.workspace.path, override.command, stopped, override.reason, now)


def _stopped_loads(settings: Settings) -> list[LoadRecord]:
    history = read_check_history(settings.workspace.path)
    configured = [name for name in SOURCE_TABLES if getattr(settings.tables, name) is not None]
    newest = [load for name in configured for load in table_records(history, name)[-1:]]
    return [load for load in newest if not load.usable]
