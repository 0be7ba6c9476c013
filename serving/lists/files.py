"""Lists as files: the data unchanged for programs (CSV, Parquet), and what spreadsheets open safely for people (CSV, XLSX)."""

import io
from enum import StrEnum
from pathlib import Path
from typing import Any

import polars as pl

from features.storage.files import atomic_path
from serving.lists.weekly import ListRefusedError

# A spreadsheet may read such a text as a formula (OWASP, CSV injection), in full-width, small and mathematical signs too. Texts
# that already have the apostrophe get another one, so that different texts stay different.
FORMULA_PATTERN = r"^'*(?:[\s\p{Cf}]*[=+\-@＝＋－＠﹦﹢﹣﹫−]|[\t\r\n])"  # these signs are meant
MONEY_FORMAT, SHARE_FORMAT, DAY_FORMAT = "#,##0.00", "0.0%", "yyyy-mm-dd"
TEXT_FORMAT = {"quote_prefix": 1}  # stays a text when the cell is edited or copied
INDENTED_COLUMNS = ("customer_id", "basis", "model_version")
MONEY_COLUMNS = ("expected_value", "value_at_risk", "expected_gain", "gain_low", "gain_high")
REASON_COLUMN_WIDTH = 52
PAPER_A3 = 8  # the number of the format in XLSX
HEADER = {"bold": True, "font_color": "#ffffff", "bg_color": "#12303f", "valign": "top"}
HELD_OUT_NOTE = "Grey rows are the control group: do not contact them. The effect of the list is measured against them."
GREY = {"font_color": "#777777", "italic": True}
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


def as_xlsx(frame: pl.DataFrame, sentence: str) -> bytes:
    """Return a workbook with `sentence` above a frozen header; texts stay texts and dates are dates.

    If the list has a control group, its rows are grey, and HELD_OUT_NOTE says not to contact them.
    """
    from xlsxwriter import Workbook

    buffer = io.BytesIO()
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with Workbook(buffer, options) as workbook:
        frame.write_excel(
            workbook,
            "List",
            position="A3",
            table_style="Table Style Light 1",
            column_formats=_column_formats(frame.schema),  # type: ignore[arg-type]  # a mapping is allowed
            dtype_formats={pl.Date: DAY_FORMAT},
            header_format=HEADER,
            autofit=True,
        )
        sheet = workbook.get_worksheet_by_name("List")
        sheet.write_string("A1", sentence, workbook.add_format({"italic": True}))
        if (frame["arm"] == "control").any():
            sheet.write_string("A2", HELD_OUT_NOTE, workbook.add_format({"bold": True}))
        sheet.freeze_panes(3, 4)
        sheet.set_landscape()
        sheet.set_paper(PAPER_A3)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(2)
        for index, name in enumerate(frame.columns):
            if name.startswith("reason"):
                sheet.set_column(index, index, REASON_COLUMN_WIDTH)
        is_control = f'=${_column_letter(frame, "arm")}4="control"'
        if frame.height:
            grey = {"type": "formula", "criteria": is_control, "format": workbook.add_format(GREY)}
            sheet.conditional_format(3, 0, frame.height + 2, frame.width - 1, grey)
    return buffer.getvalue()


def _column_formats(schema: pl.Schema) -> dict[str, Any]:
    """Return number formats, texts that stay texts, and an indent for texts that follow a number."""
    texts = {name: TEXT_FORMAT for name, dtype in schema.items() if dtype == pl.String}
    indented = {name: TEXT_FORMAT | {"indent": 1} for name in INDENTED_COLUMNS}
    return {"p_churn": SHARE_FORMAT, **dict.fromkeys(MONEY_COLUMNS, MONEY_FORMAT), **texts, **indented}


def _column_letter(frame: pl.DataFrame, column: str) -> str:
    """Return the letter of one of the first 26 columns."""
    return chr(ord("A") + frame.get_column_index(column))


def as_parquet(frame: pl.DataFrame) -> bytes:
    """Return the rows unchanged as Parquet, for programs."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def refuse_unknown_suffix(path: Path) -> None:
    """Raise ListRefusedError unless the file name ends in .csv, .xlsx or .parquet."""
    if path.suffix.lower() not in SUFFIXES:
        raise ListRefusedError(f"A list is written as {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}, not as {path.name}.")


def write_list(frame: pl.DataFrame, sentence: str, path: Path, *, spreadsheet: bool = False) -> None:
    """Write a list as CSV, XLSX or Parquet, by the suffix of the name; atomically. Raises ListRefusedError for other suffixes.

    A CSV file is the data, unless it is for a `spreadsheet`.
    """
    refuse_unknown_suffix(path)
    suffix = path.suffix.lower()
    with atomic_path(path) as temporary:
        if suffix == ".parquet":
            frame.write_parquet(temporary)
        else:
            temporary.write_bytes(as_csv(frame, spreadsheet=spreadsheet) if suffix == ".csv" else as_xlsx(frame, sentence))
