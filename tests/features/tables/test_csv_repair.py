"""CSV lines whose quotes do not match cost themselves; text that runs over lines stays one cell."""

from pathlib import Path

import pytest

from features.tables.csv_dialect import csv_text
from features.tables.csv_repair import BROKEN, repair

HEADER = "a,b,c,d"


def lines(folder: Path, *rows: str) -> list[str] | None:
    """The mended lines after the header, None where nothing had to be mended."""
    path = folder / "t.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    found = repair(csv_text(path), 4)
    return None if found is None else found.decode().splitlines()[1:]


def broken(line: str) -> str:
    doubled = line.replace('"', '""')
    return f',,,,"{BROKEN}{doubled}"'


@pytest.mark.parametrize(
    "rows",
    [
        ["1,2,3,4"],
        ['1,"2,2",3,4', '"1","2","3","say ""so"""'],
        ['1,2,3,"two', 'lines"', "5,6,7,8"],
        ['1,2,3,"two', 'lines"', '5,6,7,"and', "three", 'more"', "9,9,9,9"],
        ['1,2,3,"a comma, and', 'a ""quote"", here"'],
        ["1,2", "1,2,3,4,5"],
    ],
)
def test_what_is_in_order_stays_as_it_is(tmp_path: Path, rows: list[str]) -> None:
    assert lines(tmp_path, *rows) is None


@pytest.mark.parametrize(
    "line", ['1,"2,3,4', '1,2,3,"4', '"1,2,3,4', '1,"2"x,3,4', '1,""2",3,4', '"']
)  # fmt: skip
def test_a_line_whose_quotes_do_not_match_costs_itself(tmp_path: Path, line: str) -> None:
    assert lines(tmp_path, "1,2,3,4", line, "5,6,7,8") == ["1,2,3,4", broken(line), "5,6,7,8"]


def test_two_such_lines_do_not_swallow_what_is_between_them(tmp_path: Path) -> None:
    first, second = '1,2,3,"4', '5,6,7,8"'
    assert lines(tmp_path, first, "0,0,0,0", second) == [broken(first), "0,0,0,0", '"5","6","7","8"""']
    assert lines(tmp_path, first, second) == [broken(first), '"5","6","7","8"""']


def test_a_quote_within_a_cell_is_taken_by_the_letter(tmp_path: Path) -> None:
    assert lines(tmp_path, '1,5" pipe,3,4', '1,2,3,4"') == ['"1","5"" pipe","3","4"', '"1","2","3","4"""']
