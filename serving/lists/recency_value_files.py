"""Files of the customers by recency and value: CSV and Parquet for programs, and a workbook that says what it cannot tell."""

import io
from datetime import date
from pathlib import Path

import polars as pl
from xlsxwriter import Workbook

from features.storage.files import write_durably
from serving.lists.files import as_csv, as_parquet
from serving.lists.workbook import OPTIONS

NAME, SHEET = "recency_and_value", "Customers"


def write_recency_value_files(rows: pl.DataFrame, sentence: str, as_of: date, folder: Path) -> list[Path]:
    """Write the rows as CSV, XLSX and Parquet to `folder`, and return the paths; `sentence` heads the workbook."""
    contents = {
        ".csv": as_csv(rows, spreadsheet=False),
        ".xlsx": _as_xlsx(rows, sentence),
        ".parquet": as_parquet(rows),
    }
    paths = {folder / f"{NAME}-{as_of}{suffix}": content for suffix, content in contents.items()}
    for path, content in paths.items():
        write_durably(path, content)
    return list(paths)


def _as_xlsx(rows: pl.DataFrame, sentence: str) -> bytes:
    buffer = io.BytesIO()
    with Workbook(buffer, OPTIONS) as workbook:
        workbook.add_worksheet(SHEET).write_string(0, 0, sentence)
        rows.write_excel(workbook, SHEET, position=(2, 0), autofit=True, table_style="Table Style Light 1")
    return buffer.getvalue()
