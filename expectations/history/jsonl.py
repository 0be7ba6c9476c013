"""Read and write records as JSON, one a line; a file is always replaced as a whole."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.storage.files import atomic_path

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def read_records(path: Path) -> list[dict[str, Any]]:
    """Return the records of a file in order, or an empty list if there is no file; damaged lines are left out."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    records = (parse_record(line) for line in lines)
    return [record for record in records if record is not None]


def parse_record(line: str) -> dict[str, Any] | None:
    """Return the record of a line; None for a line that a crash or a full disk cut short."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def write_records(path: Path, records: "Iterable[DataclassInstance]") -> None:
    """Replace the file by these records atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text("".join(json.dumps(asdict(record)) + "\n" for record in records), encoding="utf-8")
