"""The check history: the row counts of each load of a table and the outcome of its checks, to compare later loads with."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from filelock import FileLock

from expectations.history.jsonl import read_records, write_records

MAX_RECORDS_PER_TABLE = 500


@dataclass(frozen=True)
class LoadRecord:
    """One load of a table or frame: times in UTC, row counts, rows set aside per rule, and the failed checks.

    `content` identifies the rows of a load, in whatever order; of a frame it is the as-of date. `seen_at` is the time of
    the last check of this load. `failed` has the measured value of each failed check, `stopped` the failed checks that stop
    the table. `shape` describes distributions, for drift: shares that sum to one.
    """

    table: str
    checked_at: str
    seen_at: str
    content: str = ""
    read: int = 0
    used: int = 0
    usable: bool = True
    rules: dict[str, int] = field(default_factory=dict)
    failed: dict[str, float] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)
    empty_columns: list[str] = field(default_factory=list)
    shape: dict[str, list[float]] = field(default_factory=dict)

    @property
    def quarantined(self) -> int:
        """Rows set aside."""
        return sum(self.rules.values())

    def has_same_outcome(self, other: "LoadRecord") -> bool:
        """Return whether the other record has the same rows and the same check results; times are ignored."""
        return replace(self, checked_at="", seen_at="") == replace(other, checked_at="", seen_at="")


def read_check_history(workspace: Path) -> list[LoadRecord]:
    """Return the records of all loads, oldest first."""
    return read_records(_path(workspace), LoadRecord)


def table_records(history: list[LoadRecord], table: str) -> list[LoadRecord]:
    """Return the records of one table, oldest first."""
    return [load for load in history if load.table == table]


def append_records(workspace: Path, loads: Iterable[LoadRecord]) -> None:
    """Append loads to the check history.

    A load with the rows and the outcome of the newest record of its table only updates `seen_at` of that record.
    The newest 500 records of each table are kept.
    """
    _path(workspace).parent.mkdir(parents=True, exist_ok=True)
    with FileLock(_path(workspace).with_suffix(".lock")):  # commands and the workers of the service append
        history = read_check_history(workspace)
        for load in loads:
            _append(history, load)
        write_records(_path(workspace), history)


def lift_stops(workspace: Path, tables: Iterable[str], checks: Iterable[str]) -> None:
    """Remove checks from those that stopped the newest load of each table, as an override accepted what they found."""
    lifted = set(checks)
    with FileLock(_path(workspace).with_suffix(".lock")):
        history = read_check_history(workspace)
        for newest in [load for table in tables for load in table_records(history, table)[-1:] if not load.usable]:
            stopped = [name for name in newest.stopped if name not in lifted]
            history[history.index(newest)] = replace(newest, stopped=stopped, usable=not stopped)
        write_records(_path(workspace), history)


def _append(history: list[LoadRecord], load: LoadRecord) -> None:
    previous = table_records(history, load.table)
    if previous and previous[-1].has_same_outcome(load):
        history[history.index(previous[-1])] = replace(previous[-1], seen_at=load.seen_at)
        return
    history.append(load)
    if len(previous) >= MAX_RECORDS_PER_TABLE:
        history.remove(previous[0])


def failing_since(loads: list[LoadRecord], name: str) -> str:
    """Return the time from which a rule or check has failed in every load up to the newest; empty if it passes now.

    `loads` are the records of one table, oldest first.
    """
    first_failure = ""
    for load in reversed(loads):
        if name not in load.failed and not load.rules.get(name):
            break
        first_failure = load.checked_at
    return first_failure


def format_timestamp(now: datetime) -> str:
    """Format a time as the check history stores it: ISO 8601, to the second."""
    return now.isoformat(timespec="seconds")


def _path(workspace: Path) -> Path:
    return workspace / "checks" / "loads.jsonl"
