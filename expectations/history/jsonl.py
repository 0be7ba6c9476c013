"""Records kept as JSON, one to a line, in a file that is replaced whole."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.storage.files import atomic_path

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the records of a file, in order; none of one that is not there."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


def write_lines(path: Path, records: "Iterable[DataclassInstance]") -> None:
    """Replace a file by these records in one step."""
    with atomic_path(path) as beside:
        beside.write_text("".join(json.dumps(asdict(each)) + "\n" for each in records), encoding="utf-8")
