import csv
import io
import re
import zipfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from serving.lists.files import as_csv, as_xlsx, write_list
from serving.schemas.lists import LIST_COLUMNS

SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫−"  # a spreadsheet may read them as the start of a formula
IDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12) | st.from_regex(
    rf"'*\s?[{SIGNS}]\w*", fullmatch=True
)


def rows_with(ids: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"customer_id": ids}, schema={"customer_id": pl.String}).select(
        (pl.col(name) if name == "customer_id" else pl.lit(None)).cast(dtype).alias(name) for name, dtype in LIST_COLUMNS.items()
    )


def read_ids(content: bytes) -> list[str]:
    text = content.decode("utf-8-sig")
    return [row["customer_id"] for row in csv.DictReader(io.StringIO(text, newline=""))]


@given(st.lists(IDS, min_size=1, max_size=5))
def test_a_csv_for_programs_has_every_id_unchanged(ids: list[str]) -> None:
    assert read_ids(as_csv(rows_with(ids), spreadsheet=False)) == ids


@pytest.mark.slow
@example(["\x1f=1", "=1"])  # a separator of ASCII, which some readers skip as a space
@given(st.lists(IDS, min_size=1, max_size=5))
def test_a_csv_for_spreadsheets_has_no_formula_and_keeps_ids_apart(ids: list[str]) -> None:
    written = read_ids(as_csv(rows_with(ids), spreadsheet=True))
    for original, cell in zip(ids, written, strict=True):
        assert not re.match(rf"\s*[{re.escape(SIGNS)}]", cell)
        assert cell in {original, f"'{original}"}
    assert len(set(written)) == len(set(ids))


@pytest.mark.parametrize("sign", SIGNS)
def test_every_sign_of_a_formula_is_neutralised_after_spaces_too(sign: str) -> None:
    ids = [f"{sign}1+1", f" {sign}1", f"\u00a0{sign}1", f"\u200b{sign}1", f"\t{sign}1", f"\r{sign}1"]
    assert read_ids(as_csv(rows_with(ids), spreadsheet=True)) == [f"'{text}" for text in ids]


def test_ordinary_texts_have_no_apostrophe() -> None:
    ids = ["007", "a-b", "a=b", "'s-Hertogenbosch", "Zoë", "1+1"]
    assert read_ids(as_csv(rows_with(ids), spreadsheet=True)) == ids


def test_a_workbook_keeps_texts_as_texts_even_when_edited() -> None:
    book = zipfile.ZipFile(io.BytesIO(as_xlsx(rows_with(["=1+1"]), "s")))
    assert 'quotePrefix="1"' in book.read("xl/styles.xml").decode()
    assert "<f>" not in book.read("xl/worksheets/sheet1.xml").decode()


def test_a_file_of_a_command_is_the_data_unless_it_is_for_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    write_list(rows_with(["=x", "-5"]), "s", path)
    assert read_ids(path.read_bytes()) == ["=x", "-5"]
    write_list(rows_with(["=x", "-5"]), "s", path, spreadsheet=True)
    assert read_ids(path.read_bytes()) == ["'=x", "'-5"]
