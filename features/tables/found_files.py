"""Find the files of a source: on this machine or in an object store; one file, a pattern, or the folder of a data set."""

import glob
import os
from dataclasses import dataclass
from pathlib import Path

from features.tables.errors import TableUnusableError
from features.tables.object_stores import StoredObject, download, is_pattern, is_remote, list_objects

PARQUET_SUFFIXES = (".parquet", ".pq")


@dataclass(frozen=True)
class FoundFile:
    """A file: a path or a URL, its name within the source, and its size in bytes.

    `is_partition`: folders on its path are columns, as in `month=2026-11`.
    """

    place: str
    name: str
    size: int
    is_partition: bool = False

    @property
    def suffix(self) -> str:
        """The end of its name, in lower case, with the dot."""
        return Path(self.place).suffix.lower()

    def local(self) -> Path:
        """Return the file on this machine: a copy of an object. Raises ObjectStoreError."""
        return download(self.place) if is_remote(self.place) else Path(self.place)


def find_files(table: str, pattern: str) -> list[FoundFile]:
    """Return the files that a path, pattern or folder names, sorted; of a folder, its Parquet files at any depth.

    In a folder, names that begin with a dot or an underscore do not count: they are what a writer leaves beside its data. Raises
    TableUnusableError where there is no file, and ObjectStoreError.
    """
    found = list_objects(pattern) if is_remote(pattern) else _local(pattern)
    is_folder = bool(found) and not _names_files(pattern, found)
    if is_folder:
        found = [file for file in found if _is_data(file.url.removeprefix(pattern))]
    if not found:
        wanted = "Parquet file in the folder" if is_folder or Path(pattern).is_dir() else "file"
        raise TableUnusableError(table, f"there is no {wanted} {pattern}; correct tables.{table} in the configuration.")
    shared = os.path.commonpath([Path(file.url).parent for file in found])
    return [
        FoundFile(file.url, str(Path(file.url).relative_to(shared)), file.size, is_folder and "=" in file.url) for file in found
    ]


def _local(pattern: str) -> list[StoredObject]:
    path = Path(pattern)
    if path.is_file():
        paths = [path]
    elif path.is_dir():
        paths = sorted(file for file in path.rglob("*") if file.is_file())
    else:
        paths = sorted(Path(name) for name in glob.glob(pattern, recursive=True))  # noqa: PTH207  # the pattern may be absolute
    return [StoredObject(str(file), file.stat().st_size) for file in paths]


def _names_files(pattern: str, found: list[StoredObject]) -> bool:
    """Whether a pattern is that of files, not the name of a folder."""
    return found[0].url == pattern or is_pattern(pattern) or not found[0].url.startswith(pattern)


def _is_data(path: str) -> bool:
    parts = path.strip("/").split("/")
    return parts[-1].lower().endswith(PARQUET_SUFFIXES) and not any(part.startswith(("_", ".")) for part in parts)
