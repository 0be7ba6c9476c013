"""The ledger of loads: what each load of a table held and how it was judged, in counts. For trends, volume and `since when`."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from expectations.history.jsonl import read_lines, write_lines

KEPT = 500


@dataclass(frozen=True)
class LoadRecord:
    """One load of a table or frame: times in UTC, rows, rows set aside per rule, and the checks that did not hold.

    `content` tells one load from another whatever the order of its rows; `seen_at` is when it was last looked at.
    `shape` describes a distribution as shares that sum to one, for drift.
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

    def same(self, other: "LoadRecord") -> bool:
        """Whether another look found the same rows and judged them alike."""
        return replace(self, checked_at="", seen_at="") == replace(other, checked_at="", seen_at="")


def read_check_history(workspace: Path) -> list[LoadRecord]:
    """Return all loads, oldest first."""
    return [LoadRecord(**entry) for entry in read_lines(_path(workspace))]


def of_table(ledger: list[LoadRecord], table: str) -> list[LoadRecord]:
    """Return the loads of one table, oldest first."""
    return [load for load in ledger if load.table == table]


def record(workspace: Path, loads: Iterable[LoadRecord]) -> None:
    """Add loads to the ledger. The same rows looked at again, with the same outcome, are no new load.

    The newest 500 loads of each table are kept.
    """
    ledger = read_check_history(workspace)
    for load in loads:
        mine = of_table(ledger, load.table)
        if mine and mine[-1].same(load):
            ledger[ledger.index(mine[-1])] = replace(mine[-1], seen_at=load.seen_at)
            continue
        ledger.append(load)
        if len(mine) >= KEPT:
            ledger.remove(mine[0])
    write_lines(_path(workspace), ledger)


def since(loads: list[LoadRecord], name: str) -> str:
    """Return when a rule or check of the newest load began to fail without a break, as of its loads, oldest first."""
    began = ""
    for load in reversed(loads):
        if name not in load.failed and not load.rules.get(name):
            break
        began = load.checked_at
    return began


def stamp(now: datetime) -> str:
    """Write a moment as the ledger holds it."""
    return now.isoformat(timespec="seconds")


def _path(workspace: Path) -> Path:
    return workspace / "checks" / "loads.jsonl"
