"""Remove the rows of erased customers from every file of the workspace, and name the files that could not be reached."""

import html
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from features.storage.files import atomic_path, is_running, writer_of
from serving.privacy.erased_rows import ErasedCustomers

TABLE_SUFFIXES = frozenset({".parquet", ".csv"})
WORKBOOK_TEXTS, WORKBOOK_TEXT = "xl/sharedStrings.xml", re.compile(r"<t[^>]*>([^<]*)</t>")
READ_ERRORS = (OSError, pl.exceptions.PolarsError, zipfile.BadZipFile)


@dataclass
class FileErasure:
    """The number of rows removed by file, and a phrase per file or folder that could not be reached."""

    rows: dict[str, int] = field(default_factory=dict)
    unreached: list[str] = field(default_factory=list)


def erase_from_files(workspace: Path, erased: ErasedCustomers) -> FileErasure:
    """Remove the rows from every table below the workspace, behind links too, and delete workbooks that hold such an id.

    The caller holds the lock of the workspace, so temporary files are what killed writers left: they are deleted. A file that
    cannot be read or replaced is named, and the others are still done.
    """
    result = FileErasure()
    for path in _walk(workspace, result.unreached):
        name = str(path.relative_to(workspace))
        try:
            rows = _erase_from_path(path, erased)
        except READ_ERRORS as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "damaged"
            result.unreached.append(f"{name} cannot be read or replaced ({reason})")
            continue
        if rows:
            result.rows[f"{name} (deleted)" if not path.exists() else name] = rows
    return result


def _walk(workspace: Path, unreached: list[str]) -> Iterator[Path]:
    """Yield every table and workbook, following links once; delete what killed writers left."""

    def report(error: OSError) -> None:
        unreached.append(f"{Path(error.filename).relative_to(workspace)} cannot be read ({error.strerror})")

    seen: set[str] = set()
    for folder, folders, names in os.walk(workspace, followlinks=True, onerror=report):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        for name in [*folders]:
            if _is_leftover(Path(folder, name), unreached):
                folders.remove(name)
                shutil.rmtree(Path(folder, name), ignore_errors=True)
        for name in sorted(names):
            path = Path(folder, name)
            if _is_leftover(path, unreached):
                path.unlink(missing_ok=True)
            elif path.suffix in {*TABLE_SUFFIXES, ".xlsx"} and path.is_file():
                yield path


def _is_leftover(path: Path, unreached: list[str]) -> bool:
    """Return whether a killed process left this temporary path; that of a running one is named."""
    process = writer_of(path)
    if process is None:
        return False
    if is_running(process) and process != os.getpid():
        unreached.append(f"{path.name} is in use by process {process}")
        return False
    return True


def _erase_from_path(path: Path, erased: ErasedCustomers) -> int:
    return _erase_workbook(path, erased) if path.suffix == ".xlsx" else _erase_from_table(path.resolve(), erased)


def _erase_from_table(path: Path, erased: ErasedCustomers) -> int:
    """Delete the customers' rows, and their ids from other customers' rows; return the number of rows changed."""
    rows = pl.scan_parquet(path, glob=False) if path.suffix == ".parquet" else pl.scan_csv(path, infer_schema=False, glob=False)
    text_columns = [name for name, dtype in rows.collect_schema().items() if dtype == pl.String]
    own, referrers = erased.own_rows(text_columns), erased.referrers(text_columns)
    matches = [*own, *referrers.values()]
    if not matches:
        return 0
    count = int(rows.select(pl.any_horizontal(matches).sum()).collect(engine="streaming").item())
    if count:
        kept = rows.filter(~pl.any_horizontal(own)) if own else rows
        cleared = kept.with_columns(pl.when(~named).then(name).alias(name) for name, named in referrers.items())
        with atomic_path(path) as temporary:
            if path.suffix == ".parquet":
                cleared.sink_parquet(temporary, compression="lz4")
            else:
                cleared.sink_csv(temporary)
    return count


def _erase_workbook(path: Path, erased: ErasedCustomers) -> int:
    """Delete a workbook with such an id; `run`, `list` and the page write it again."""
    with zipfile.ZipFile(path) as archive:
        texts = archive.read(WORKBOOK_TEXTS).decode() if WORKBOOK_TEXTS in archive.namelist() else ""
    cells = pl.DataFrame({"cell": [html.unescape(text) for text in WORKBOOK_TEXT.findall(texts)]}, schema={"cell": pl.String})
    count = int(cells.select(erased.is_id("cell").sum()).item())
    if count:
        path.unlink()
    return count
