"""Overrides: somebody went on with a table that was stopped, and said why."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from expectations.history.jsonl import read_lines, write_lines
from expectations.history.loads import stamp


@dataclass(frozen=True)
class Override:
    """When, which command, which tables, and the reason given."""

    at: str
    command: str
    tables: list[str]
    reason: str


def read_overrides(workspace: Path) -> list[Override]:
    """Return all overrides, oldest first."""
    return [Override(**entry) for entry in read_lines(_path(workspace))]


def record_override(workspace: Path, command: str, tables: list[str], reason: str, now: datetime) -> None:
    """Add an override to those that were."""
    write_lines(_path(workspace), [*read_overrides(workspace), Override(stamp(now), command, tables, reason)])


def _path(workspace: Path) -> Path:
    return workspace / "checks" / "overrides.jsonl"
