"""Frozen reference: the largest number of each column, fixed at one load and held against later ones."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from features.storage.files import atomic_path

# A few rows tell no extremes.
ENOUGH_ROWS = 1_000


@dataclass(frozen=True)
class Reference:
    """`largest` holds the largest absolute number per column; empty before the first freezing."""

    frozen_at: str = ""
    rows: int = 0
    largest: dict[str, float] = field(default_factory=dict)


def read_reference(workspace: Path) -> dict[str, Reference]:
    """Return the reference of each table; a table without one is not in it."""
    path = _path(workspace)
    held = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {table: Reference(**entry) for table, entry in held.items()}


def freeze(workspace: Path, found: dict[str, tuple[int, dict[str, float]]], now: datetime, *, renew: bool) -> None:
    """Fix the largest numbers of each table, given its rows in use and largest numbers.

    A table that has a reference keeps it unless `renew`; one with fewer than 1,000 rows gets none.
    """
    held = read_reference(workspace)
    fresh = {
        table: Reference(now.isoformat(timespec="seconds"), rows, largest)
        for table, (rows, largest) in found.items()
        if rows >= ENOUGH_ROWS and (renew or table not in held)
    }
    if not fresh:
        return
    with atomic_path(_path(workspace)) as beside:
        entries = {table: vars(reference) for table, reference in (held | fresh).items()}
        beside.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")


def _path(workspace: Path) -> Path:
    return workspace / "checks" / "reference.json"
