"""Lists as files: CSV and XLSX that spreadsheets open correctly and safely, and Parquet."""

import io
from enum import StrEnum
from pathlib import Path
from typing import Any

import polars as pl

from features.storage.files import atomic_path
from serving.lists.weekly import ListRefusedError

FORMULA = r"^[=+\-@\t\r]"  # what makes a spreadsheet read a text as a formula (OWASP, CSV injection)
MONEY, SHARE, DAY = "#,##0.00", "0.0%", "yyyy-mm-dd"
AFTER_NUMBERS = ("customer_id", "basis", "model_version")
MONEY_COLUMNS = ("expected_value", "value_at_risk", "expected_gain")
WIDEST, A3 = 52, 8
HEADER = {"bold": True, "font_color": "#ffffff", "bg_color": "#12303f", "valign": "top"}
HELD_OUT = "Rows in grey are held out: leave the action out, so that it can be measured what the list earns."
GREY = {"font_color": "#777777", "italic": True}


class Format(StrEnum):
    """How the rows of a list come: a page of JSON, or a file with all of them."""

    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"


def neutralised(frame: pl.DataFrame) -> pl.DataFrame:
    """Put an apostrophe before texts that a spreadsheet would take for formulas."""
    return frame.with_columns(_harmless(name) for name, dtype in frame.schema.items() if dtype == pl.String)


def _harmless(name: str) -> pl.Expr:
    text = pl.col(name)
    return pl.when(text.str.contains(FORMULA)).then(pl.format("'{}", text)).otherwise(text).alias(name)


def as_csv(frame: pl.DataFrame, *, marked: bool = True, headed: bool = True) -> bytes:
    """Return CSV, without its header where that has been written before.

    `marked`: with a byte order mark, by which spreadsheets know UTF-8 and which some programs stumble over.
    """
    text = io.BytesIO()
    neutralised(frame).write_csv(text, include_bom=marked and headed, include_header=headed)
    return text.getvalue()


def as_xlsx(frame: pl.DataFrame, sentence: str) -> bytes:
    """Return a workbook with `sentence` above the header, which stays in sight; texts are texts, dates are dates.

    Where there are customers held out it says that they are to be left alone.
    """
    from xlsxwriter import Workbook

    book = io.BytesIO()
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with Workbook(book, options) as workbook:
        frame.write_excel(
            workbook,
            "List",
            position="A3",
            table_style="Table Style Light 1",
            column_formats=_formats(),  # type: ignore[arg-type]  # a mapping is allowed
            dtype_formats={pl.Date: DAY},
            header_format=HEADER,
            autofit=True,
        )
        sheet = workbook.get_worksheet_by_name("List")
        sheet.write_string("A1", sentence, workbook.add_format({"italic": True}))
        if (frame["arm"] == "control").any():
            sheet.write_string("A2", HELD_OUT, workbook.add_format({"bold": True}))
        sheet.freeze_panes(3, 4)
        sheet.set_landscape()
        sheet.set_paper(A3)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(2)
        for place, name in enumerate(frame.columns):
            if name.startswith("reason"):
                sheet.set_column(place, place, WIDEST)
        held_out = {"type": "formula", "criteria": f'=${_letter(frame, "arm")}4="control"', "format": workbook.add_format(GREY)}
        if frame.height:
            sheet.conditional_format(3, 0, frame.height + 2, frame.width - 1, held_out)
    return book.getvalue()


def _formats() -> dict[str, Any]:
    """Numbers as numbers; a little room before texts that follow a number."""
    indented = {name: {"indent": 1} for name in AFTER_NUMBERS}
    return {"p_churn": SHARE, **dict.fromkeys(MONEY_COLUMNS, MONEY), **indented}


def _letter(frame: pl.DataFrame, name: str) -> str:
    """The letter of a column, of the first 26."""
    return chr(ord("A") + frame.get_column_index(name))


def as_parquet(frame: pl.DataFrame) -> bytes:
    """Return the rows as they are, for programs."""
    rows = io.BytesIO()
    frame.write_parquet(rows)
    return rows.getvalue()


def refuse_ending(path: Path) -> None:
    """Raise ListRefused for a file that is no CSV, XLSX or Parquet by its name."""
    if path.suffix.lower() not in ENDINGS:
        raise ListRefusedError(f"A list is written as {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}, not as {path.name}.")


def write_list(frame: pl.DataFrame, sentence: str, path: Path) -> None:
    """Write a list as CSV, XLSX or Parquet, by the ending of the name; in one step. Raises ListRefused for another ending."""
    refuse_ending(path)
    ending = path.suffix.lower()
    with atomic_path(path) as beside:
        if ending == ".parquet":
            frame.write_parquet(beside)
        else:
            beside.write_bytes(as_csv(frame, marked=False) if ending == ".csv" else as_xlsx(frame, sentence))


ENDINGS = (".csv", ".xlsx", ".parquet")
