"""Checksums of a champion's files: a file that was cut or changed is found before it is used, and a champion is recognised."""

import json
from hashlib import sha256
from pathlib import Path
from typing import TypedDict

CHECKSUMS = "checksums.json"


class Entry(TypedDict):
    """Size and SHA-256 of a file."""

    bytes: int
    sha256: str


class DamagedFileError(Exception):
    """A file of a model is missing, cut or not what was written; `path` names it, `reason` completes "the file ..."."""

    def __init__(self, path: Path, reason: str) -> None:
        """Keep the path and the reason."""
        super().__init__(f"{path} {reason}")
        self.path, self.reason = path, reason


def write_checksums(folder: Path) -> None:
    """Record the size and the SHA-256 of every file in `folder`."""
    entries = {name: {"bytes": len(data), "sha256": sha256(data).hexdigest()} for name, data in _contents(folder)}
    (folder / CHECKSUMS).write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")


def refuse_damage(folder: Path) -> None:
    """Raise DamagedFileError if a file is not what `write_checksums` recorded. A folder without a record passes."""
    for name, entry in (_read_checksums(folder) or {}).items():
        path = folder / name
        if not path.is_file():
            raise DamagedFileError(path, "is missing")
        data = path.read_bytes()
        if len(data) < entry["bytes"]:
            raise DamagedFileError(path, f"is cut: {len(data):,} of {entry['bytes']:,} bytes are left")
        if sha256(data).hexdigest() != entry["sha256"]:
            raise DamagedFileError(path, "has changed since it was written")


def recorded_digest(folder: Path) -> str | None:
    """Return the digest of the files as they were recorded, damaged or not; None without a readable record."""
    try:
        entries = _read_checksums(folder)
    except DamagedFileError:
        return None
    return None if entries is None else _digest({name: entry["sha256"] for name, entry in entries.items()})


def content_digest(folder: Path) -> str:
    """Return the digest of names and contents of all files in `folder`, as they are now."""
    return _digest({name: sha256(data).hexdigest() for name, data in _contents(folder)})


def is_cut_copy(folder: Path, original: Path) -> bool:
    """Whether `folder` holds nothing but files of `original`, each complete or cut at its end."""
    whole = dict(_contents(original))
    return all(name in whole and whole[name].startswith(data) for name, data in _contents(folder))


def _digest(hashes: dict[str, str]) -> str:
    return sha256("".join(f"{value}  {name}\n" for name, value in sorted(hashes.items())).encode()).hexdigest()


def _contents(folder: Path) -> list[tuple[str, bytes]]:
    """Return the relative name and the bytes of every file but the record."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CHECKSUMS)
    return [(path.relative_to(folder).as_posix(), path.read_bytes()) for path in paths]


def _read_checksums(folder: Path) -> dict[str, Entry] | None:
    path = folder / CHECKSUMS
    if not path.is_file():
        return None
    try:
        text = path.read_text(encoding="utf-8")
        entries: dict[str, Entry] = json.loads(text)
        if text.endswith("\n") and all({"bytes", "sha256"} <= set(entry) for entry in entries.values()):
            return entries
    except (ValueError, AttributeError, TypeError):
        pass
    raise DamagedFileError(path, "is cut or not JSON")
