"""The log of objections, their lifting, and erasures beside the secret: append-only, so that no lost store forgets one.

Each line is JSON: the id of a store that the workspace has used, or the keyed hash of a customer with the reason.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

STORE, LIFTED = "store", "lifted"
READ_WRITE_OWNER = 0o600


@dataclass(frozen=True)
class LogEntry:
    """`kind` is STORE, LIFTED or a reason of `serving.store.withheld`, `value` the store's id or a hash, `at` is in UTC."""

    kind: str
    value: str
    at: str


def entry(kind: str, value: str, now: datetime) -> LogEntry:
    """Return an entry of this moment."""
    return LogEntry(kind=kind, value=value, at=now.isoformat(timespec="seconds"))


def read_log(path: Path) -> list[LogEntry]:
    """Return the entries, oldest first; a line that a crash cut short is left out."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    entries = (_parse(line) for line in lines)
    return [parsed for parsed in entries if parsed is not None]


def append_to_log(path: Path, entries: Iterable[LogEntry]) -> None:
    """Append entries in one write and wait until they are on the disk; several processes may append."""
    text = "".join(json.dumps(asdict(added)) + "\n" for added in entries)
    if not text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, READ_WRITE_OWNER)
    try:
        os.write(descriptor, (_line_end(descriptor) + text).encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _line_end(descriptor: int) -> str:
    """Return the line end that a cut last line lacks."""
    size = os.fstat(descriptor).st_size
    return "" if size == 0 or os.pread(descriptor, 1, size - 1) == b"\n" else "\n"


def _parse(line: str) -> LogEntry | None:
    try:
        fields = json.loads(line)
        return LogEntry(kind=str(fields["kind"]), value=str(fields["value"]), at=str(fields["at"]))
    except (ValueError, KeyError, TypeError):
        return None
