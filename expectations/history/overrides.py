"""The record of overrides: which command went on with a stopped table, and for what reason."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from expectations.history.jsonl import read_records, write_records
from expectations.history.loads import format_timestamp


@dataclass(frozen=True)
class Override:
    """The time in UTC, the command, the stopped tables and the reason of an override."""

    at: str
    command: str
    tables: list[str]
    reason: str


def read_overrides(workspace: Path) -> list[Override]:
    """Return all overrides, oldest first."""
    return read_records(_path(workspace), Override)


def record_override(workspace: Path, command: str, tables: list[str], reason: str, now: datetime) -> None:
    """Append an override to the record."""
    override = Override(at=format_timestamp(now), command=command, tables=tables, reason=reason)
    write_records(_path(workspace), [*read_overrides(workspace), override])


def _path(workspace: Path) -> Path:
    return workspace / "checks" / "overrides.jsonl"
