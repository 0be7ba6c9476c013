"""Overrides: somebody went on with a table that was stopped, and said why."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from expectations.ledger import stamp
from features.tables.atomic import replacing


@dataclass(frozen=True)
class Override:
    """When, which command, which tables, and the reason given."""

    at: str
    command: str
    tables: list[str]
    reason: str


def read_overrides(workspace: Path) -> list[Override]:
    """Return all overrides, oldest first."""
    path = _path(workspace)
    if not path.is_file():
        return []
    return [Override(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def record_override(workspace: Path, command: str, tables: list[str], reason: str, now: datetime) -> None:
    """Add an override to those that were."""
    every = [*read_overrides(workspace), Override(stamp(now), command, tables, reason)]
    with replacing(_path(workspace)) as beside:
        beside.write_text("".join(json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in every), encoding="utf-8")


def _path(workspace: Path) -> Path:
    return workspace / "checks" / "overrides.jsonl"
