"""Lists as files: the data unchanged for programs (CSV, Parquet), and what spreadsheets open safely for people (CSV, XLSX)."""

import io
from enum import StrEnum
from pathlib import Path

import polars as pl

from features.storage.files import atomic_path
from serving.lists.weekly import ListRefusedError
from serving.lists.workbook import as_xlsx

# A spreadsheet may read such a text as a formula (OWASP, CSV injection), in full-width, small and mathematical signs too. Texts
# that already have the apostrophe get another one, so that different texts stay different.
FORMULA_PATTERN = r"^'*(?:[\s\p{Cc}\p{Cf}]*[=+\-@＝＋－＠﹦﹢﹣﹫−]|[\t\r\n])"  # these signs are meant
SUFFIXES = (".csv", ".xlsx", ".parquet")


class Format(StrEnum):
    """The format of a list's rows: a page of JSON, or a file with all rows."""

    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"


def neutralise_formulas(frame: pl.DataFrame) -> pl.DataFrame:
    """Put an apostrophe before texts that a spreadsheet would read as formulas."""
    return frame.with_columns(_neutralised(name) for name, dtype in frame.schema.items() if dtype == pl.String)


def _neutralised(column: str) -> pl.Expr:
    text = pl.col(column)
    return pl.when(text.str.contains(FORMULA_PATTERN)).then(pl.format("'{}", text)).otherwise(text).alias(column)


def as_csv(frame: pl.DataFrame, *, spreadsheet: bool, headed: bool = True) -> bytes:
    """Return CSV in UTF-8, with a header if `headed`: the data unchanged, for programs.

    `spreadsheet` is for people: formulas are neutralised, and a byte order mark comes before the header, without which
    spreadsheets do not recognise UTF-8.
    """
    buffer = io.BytesIO()
    cells = neutralise_formulas(frame) if spreadsheet else frame
    cells.write_csv(buffer, include_bom=spreadsheet and headed, include_header=headed)
    return buffer.getvalue()


def as_parquet(frame: pl.DataFrame) -> bytes:
    """Return the rows unchanged as Parquet, for programs."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def refuse_unknown_suffix(path: Path) -> None:
    """Raise ListRefusedError unless the file name ends in .csv, .xlsx or .parquet."""
    if path.suffix.lower() not in SUFFIXES:
        raise ListRefusedError(f"A list is written as {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}, not as {path.name}.")


def write_list(frame: pl.DataFrame, sentence: str, path: Path, currency: str | None = None, *, spreadsheet: bool = False) -> None:
    """Write a list as CSV, XLSX or Parquet, by the suffix of the name; atomically. Raises ListRefusedError for other suffixes.

    A CSV file is the data, unless it is for a `spreadsheet`. `currency` is named in a workbook.
    """
    refuse_unknown_suffix(path)
    suffix = path.suffix.lower()
    with atomic_path(path) as temporary:
        if suffix == ".parquet":
            frame.write_parquet(temporary)
        else:
            is_csv = suffix == ".csv"
            temporary.write_bytes(as_csv(frame, spreadsheet=spreadsheet) if is_csv else as_xlsx(frame, sentence, currency))
