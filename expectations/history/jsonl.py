"""Read and write records as JSON, one a line; a file is always replaced as a whole."""

import json
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from features.storage.files import atomic_path

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")


def read_records(path: Path, record_type: type[Record]) -> list[Record]:
    """Return the records of a file in order, or an empty list if there is no file; damaged lines are left out."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    records = (parse_record(line, record_type) for line in lines)
    return [record for record in records if record is not None]


def parse_record(line: str, record_type: type[Record]) -> Record | None:
    """Return the record of a line; None for a line that a crash or a full disk damaged. Fields of a later version are ignored."""
    try:
        entry = json.loads(line)
        return record_type(**{field.name: entry[field.name] for field in fields(record_type) if field.name in entry})
    except (ValueError, TypeError):
        return None


def write_records(path: Path, records: "Iterable[DataclassInstance]") -> None:
    """Replace the file by these records atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text("".join(json.dumps(asdict(record)) + "\n" for record in records), encoding="utf-8")
