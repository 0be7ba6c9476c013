"""Repair the records of checks after a damage to their files: what can be read is kept, and the damaged file is put aside."""

import json
import shutil
from pathlib import Path

from expectations.history.jsonl import parse_record
from expectations.history.loads import LoadRecord
from expectations.history.overrides import Override
from expectations.history.reference import Reference
from features.storage.files import atomic_path

RECORD_FILES = {"loads.jsonl": LoadRecord, "overrides.jsonl": Override}
REFERENCE_FILE = "reference.json"


def repair_history(workspace: Path) -> list[str]:
    """Repair the files below `checks/`, and return a sentence per damaged file; the caller holds the workspace's lock."""
    folder = workspace / "checks"
    sentences = [_repair_records(folder / name, record_type) for name, record_type in RECORD_FILES.items()]
    sentences.append(_repair_reference(folder / REFERENCE_FILE))
    return [sentence for sentence in sentences if sentence is not None]


def _repair_records(path: Path, record_type: type[LoadRecord | Override]) -> str | None:
    if not path.is_file():
        return None
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    good = [line for line in lines if parse_record(line, record_type) is not None]
    if len(good) == len(lines):
        return None
    copy = _put_aside(path)
    with atomic_path(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in good), encoding="utf-8")
    return (
        f"{path} was damaged: {len(lines) - len(good):,} of {len(lines):,} records are lost. The damaged file is kept as {copy}."
    )


def _repair_reference(path: Path) -> str | None:
    try:
        entries = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        for entry in entries.values():
            Reference(**entry)
    except (ValueError, TypeError, AttributeError):
        pass
    else:
        return None
    copy = _put_aside(path)
    path.unlink()
    return (
        f"{path} was damaged; the next check of each table freezes its largest values again. The damaged file is kept as {copy}."
    )


def _put_aside(path: Path) -> str:
    copy = path.with_name(f"{path.name}.damaged")
    shutil.copyfile(path, copy)
    return copy.name
