"""The frozen reference: the largest number of each column in one load, a threshold for later loads."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from features.storage.files import atomic_path

MIN_ROWS = 1_000  # the largest number of fewer rows says little about what is extreme


@dataclass(frozen=True)
class Reference:
    """The largest absolute number of each column, the good rows it is taken from, and when it was frozen (UTC)."""

    frozen_at: str = ""
    rows: int = 0
    largest: dict[str, float] = field(default_factory=dict)


def read_references(workspace: Path) -> dict[str, Reference]:
    """Return the reference of each table that has one."""
    path = _path(workspace)
    try:
        entries = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return {table: Reference(**entry) for table, entry in entries.items()}
    except (ValueError, TypeError, AttributeError):  # a damaged file, which the next command reports and repairs
        return {}


def freeze_references(
    workspace: Path, candidates: dict[str, tuple[int, dict[str, float]]], now: datetime, *, renew: bool
) -> None:
    """Freeze the reference of each table in `candidates`: its rows in use and its largest number per column.

    A table keeps the reference it has unless `renew`. A table with fewer than 1,000 rows gets no new one.
    """
    frozen = read_references(workspace)
    new = {
        table: Reference(frozen_at=now.isoformat(timespec="seconds"), rows=rows, largest=largest)
        for table, (rows, largest) in candidates.items()
        if rows >= MIN_ROWS and (renew or table not in frozen)
    }
    if not new:
        return
    with atomic_path(_path(workspace)) as temporary:
        entries = {table: vars(reference) for table, reference in (frozen | new).items()}
        temporary.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")


def _path(workspace: Path) -> Path:
    return workspace / "checks" / "reference.json"
