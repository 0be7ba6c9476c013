"""Read the sheets of a workbook (XLSX, XLS, ODS): every cell as text, as CSV has it."""

from fnmatch import fnmatchcase
from pathlib import Path

import polars as pl

SUFFIXES = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")


class WorkbookError(Exception):
    """The workbook cannot be read, or has no such sheet; the text says which it has, and what to do."""


def sheet_names(path: Path) -> list[str]:
    """Return the names of the sheets of the workbook at `path`. Raises WorkbookError if it cannot be read."""
    import fastexcel

    try:
        return fastexcel.read_excel(path).sheet_names
    except fastexcel.FastExcelError as error:
        raise WorkbookError(f"it is not a workbook that can be read: {_reason(error)}") from None


def read_sheets(path: Path, sheet: str | None = None, skip_lines: int = 0) -> dict[str, pl.LazyFrame]:
    """Return the rows of the sheets that `sheet` names, by name; it may be a pattern such as `Year *`.

    Cells are text: dates as ISO 8601, numbers with a decimal point; empty cells are null. `skip_lines` lines before the header
    are left out. Raises WorkbookError if the workbook cannot be read, has no such sheet, or has several and `sheet` is None.
    """
    names = _choose(sheet_names(path), sheet)
    return {name: _read_sheet(path, name, skip_lines).lazy() for name in names}


def _choose(names: list[str], sheet: str | None) -> list[str]:
    if sheet is None and len(names) == 1:
        return names
    listed = ", ".join(names)
    if sheet is None:
        raise WorkbookError(f'it has the sheets {listed}; name one with sheet = "{names[0]}", or several with a pattern')
    chosen = [name for name in names if name == sheet or fnmatchcase(name, sheet)]
    if not chosen:
        raise WorkbookError(f"it has no sheet {sheet}, only {listed}")
    return chosen


def _read_sheet(path: Path, name: str, skip_lines: int) -> pl.DataFrame:
    import fastexcel

    try:
        frame = fastexcel.read_excel(path).load_sheet(name, header_row=skip_lines, dtypes="string").to_polars()
    except fastexcel.FastExcelError as error:
        raise WorkbookError(f"its sheet {name} cannot be read: {_reason(error)}") from None
    return frame.select(pl.all().cast(pl.String))


def _reason(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(". ")
