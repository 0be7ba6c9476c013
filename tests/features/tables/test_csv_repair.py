"""A CSV line with unbalanced quotes costs only itself; text that runs over several lines stays one cell."""

from pathlib import Path

import pytest

from features.tables.csv_dialect import read_dialect
from features.tables.csv_repair import BROKEN_ROW, repair

HEADER = "a,b,c,d"


def repaired_lines(folder: Path, *rows: str) -> list[str] | None:
    """Return the repaired lines after the header; None where there was nothing to repair."""
    path = folder / "t.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    repaired = repair(read_dialect(path), 4)
    return None if repaired is None else repaired.decode().splitlines()[1:]


def broken(line: str) -> str:
    doubled = line.replace('"', '""')
    return f',,,,"{BROKEN_ROW}{doubled}"'


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
def test_balanced_lines_stay_as_they_are(tmp_path: Path, rows: list[str]) -> None:
    assert repaired_lines(tmp_path, *rows) is None


@pytest.mark.parametrize(
    "line", ['1,"2,3,4', '1,2,3,"4', '"1,2,3,4', '1,"2"x,3,4', '1,""2",3,4', '"']
)  # fmt: skip
def test_a_line_with_unbalanced_quotes_costs_only_itself(tmp_path: Path, line: str) -> None:
    assert repaired_lines(tmp_path, "1,2,3,4", line, "5,6,7,8") == ["1,2,3,4", broken(line), "5,6,7,8"]


def test_two_such_lines_do_not_swallow_the_lines_between_them(tmp_path: Path) -> None:
    first, second = '1,2,3,"4', '5,6,7,8"'
    assert repaired_lines(tmp_path, first, "0,0,0,0", second) == [broken(first), "0,0,0,0", '"5","6","7","8"""']
    assert repaired_lines(tmp_path, first, second) == [broken(first), '"5","6","7","8"""']


def test_a_quote_inside_a_cell_is_taken_literally(tmp_path: Path) -> None:
    assert repaired_lines(tmp_path, '1,5" pipe,3,4', '1,2,3,4"') == ['"1","5"" pipe","3","4"', '"1","2","3","4"""']
