"""Sheets of workbooks as sources: typed cells are read as text, cell by cell."""

from datetime import datetime
from pathlib import Path

import pytest
import xlsxwriter

from features.tables.errors import TableUnusableError
from features.tables.read import RawTable, read_table
from settings.load import load_settings

HEADER = ["customer_id", "order_id", "ordered_at", "amount"]
ROWS: dict[str, list[list[object]]] = {
    "Year 2025": [[13078, "1", datetime(2025, 3, 1, 14, 5), 10.5], ["00042", "2", "2025-03-02", "n/a"]],
    "Year 2026": [[7120000000123, 3, datetime(2026, 3, 1), 0.1]],
}


def write_workbook(path: Path, sheets: dict[str, list[list[object]]], preamble: int = 0) -> None:
    with xlsxwriter.Workbook(path) as workbook:
        date_format = workbook.add_format({"num_format": "dd.mm.yyyy hh:mm"})
        for name, rows in sheets.items():
            sheet = workbook.add_worksheet(name)
            for line in range(preamble):
                sheet.write(line, 0, "Export of our shop")
            for index, row in enumerate([HEADER, *rows], preamble):
                for column, cell in enumerate(row):
                    sheet.write(index, column, cell, date_format if isinstance(cell, datetime) else None)


def read(folder: Path, source: str) -> RawTable:
    (folder / "holdfast.toml").write_text(f"[tables]\ntransactions = {source}\n", encoding="utf-8")
    table = read_table(load_settings(folder / "holdfast.toml", {}), "transactions")
    assert table is not None
    return table


def test_cells_are_read_as_csv_has_them(tmp_path: Path) -> None:
    write_workbook(tmp_path / "orders.xlsx", {"Orders": ROWS["Year 2025"]})
    rows = read(tmp_path, '"orders.xlsx"').rows.collect()
    assert rows.select("customer_id", "order_id", "ordered_at", "amount").rows() == [
        ("13078", "1", datetime(2025, 3, 1, 14, 5), 10.5),
        ("00042", "2", datetime(2025, 3, 2), None),
    ]
    assert rows["_raw_amount"].to_list() == [None, "n/a"]  # the cell that could not be read costs its row only


def test_a_pattern_reads_several_sheets_each_with_its_own_row_numbers(tmp_path: Path) -> None:
    write_workbook(tmp_path / "orders.xlsx", ROWS | {"Notes": []})
    table = read(tmp_path, '{file = "orders.xlsx", sheet = "Year *"}')
    assert table.files == ["orders.xlsx/Year 2025", "orders.xlsx/Year 2026"]
    assert table.rows.collect().select("_source", "_row", "customer_id").rows() == [
        ("orders.xlsx/Year 2025", 1, "13078"),
        ("orders.xlsx/Year 2025", 2, "00042"),
        ("orders.xlsx/Year 2026", 1, "7120000000123"),
    ]


def test_lines_before_the_header_are_skipped(tmp_path: Path) -> None:
    write_workbook(tmp_path / "orders.xlsx", {"Orders": ROWS["Year 2026"]}, preamble=2)
    assert read(tmp_path, '{file = "orders.xlsx", skip_lines = 2}').rows.collect()["amount"].to_list() == [0.1]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (
            '"orders.xlsx"',
            r'it has the sheets Year 2025, Year 2026; name one with sheet = "Year 2025", or several with a pattern',
        ),
        ('{file = "orders.xlsx", sheet = "2024"}', "it has no sheet 2024, only Year 2025, Year 2026"),
        ('"broken.xlsx"', "it is not a workbook that can be read"),
    ],
)
def test_a_sheet_that_cannot_be_chosen_or_read_is_named(tmp_path: Path, source: str, sentence: str) -> None:
    write_workbook(tmp_path / "orders.xlsx", ROWS)
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04" + bytes(200))
    with pytest.raises(TableUnusableError, match=sentence):
        read(tmp_path, source)
