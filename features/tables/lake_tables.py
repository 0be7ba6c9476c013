"""Tables of a lake: Delta Lake and Apache Iceberg, in a folder of this machine or in an object store."""

import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from features.tables.errors import TableUnusableError
from features.tables.found_files import PARQUET_SUFFIXES
from features.tables.object_stores import describe_failure, is_pattern, is_remote, list_objects
from features.tables.workbooks import SUFFIXES as WORKBOOK_SUFFIXES

FILE_SUFFIXES = {".csv", ".tsv", ".txt", ".gz", *PARQUET_SUFFIXES, *WORKBOOK_SUFFIXES}
LOG, METADATA = "_delta_log", "metadata"
VERSION = re.compile(r"v?(\d+)[^/]*\.metadata\.json$")


@dataclass(frozen=True)
class LakeTable:
    """A table: its format, `delta` or `iceberg`, and the place that its reader takes."""

    kind: str
    place: str

    def scan(self, table: str) -> pl.LazyFrame:
        """Return the rows of its newest version. Raises TableUnusableError if it cannot be read."""
        try:
            rows = pl.scan_delta(self.place) if self.kind == "delta" else pl.scan_iceberg(self.place)
            rows.collect_schema()
        except Exception as error:  # noqa: BLE001  # the readers of both formats have errors of their own
            name = Path(self.place).name
            reason = describe_failure(self.place, error)
            raise TableUnusableError(table, f"the {self.kind} table {name} cannot be read: {reason}.") from None
        return rows


def find_lake_table(place: str) -> LakeTable | None:
    """Return the table in a folder, or None where it holds none: a Delta table has a log, an Iceberg table metadata.

    Of an Iceberg table the newest metadata count; a metadata file may be named itself. Raises ObjectStoreError.
    """
    if VERSION.search(place):
        return LakeTable("iceberg", place)
    folder = place.rstrip("/")
    if is_pattern(place) or Path(folder).suffix.lower() in FILE_SUFFIXES:
        return None
    if _list(f"{folder}/{LOG}"):
        return LakeTable("delta", folder)
    versions = {int(match[1]): name for name in _list(f"{folder}/{METADATA}") if (match := VERSION.search(name))}
    return LakeTable("iceberg", versions[max(versions)]) if versions else None


def _list(folder: str) -> list[str]:
    if is_remote(folder):
        return [found.url for found in list_objects(f"{folder}/")]
    return [str(path) for path in Path(folder).iterdir()] if Path(folder).is_dir() else []
