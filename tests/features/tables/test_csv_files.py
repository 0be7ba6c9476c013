"""CSV files as shops export them: in other encodings, with lines before the header, and with a line that names the separator."""

import gzip
from pathlib import Path

import polars as pl
import pytest

from features.tables.read import read_table
from features.tables.sources import OVERFLOW
from settings.errors import SettingsError
from settings.load import load_settings

HEADER = "Kunde;Nr;Datum;Betrag;Straße"
ROWS = ("Müller;1;2025-01-01;5;Goßweg", 'Möller;2;2025-01-02;6;"a;b"')
MAPPING = 'customer_id = "Kunde"\norder_id = "Nr"\nordered_at = "Datum"\namount = "Betrag"\nbrand = "Straße"\n'
EXPECTED = [("Müller", 5.0, "Goßweg"), ("Möller", 6.0, "a;b")]


def read(folder: Path, content: bytes, source: str, name: str = "orders.csv") -> pl.DataFrame:
    (folder / name).write_bytes(content)
    config = folder / "holdfast.toml"
    config.write_text(f"[tables]\ntransactions = {source}\n[columns.transactions]\n{MAPPING}", encoding="utf-8")
    table = read_table(load_settings(config, {}), "transactions")
    assert table is not None
    return table.rows.collect()


def cells(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    assert frame[OVERFLOW].null_count() == frame.height
    assert frame["_row"].to_list() == [1, 2]
    return frame.select("customer_id", "amount", "brand").rows()


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "cp850", "utf-8", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_the_encoding_of_a_file_is_named(tmp_path: Path, encoding: str, line_end: str) -> None:
    text = line_end.join([HEADER, *ROWS, ""])
    source = f'{{file = "orders.csv", encoding = "{encoding}"}}'
    assert cells(read(tmp_path, text.encode(encoding), source)) == EXPECTED
    packed = f'{{file = "*.csv.gz", encoding = "{encoding}"}}'
    assert cells(read(tmp_path, gzip.compress(text.encode(encoding)), packed, "orders.csv.gz")) == EXPECTED


@pytest.mark.parametrize("first", ["sep=;\r\n", "\ufeffSEP=;\n", '"sep=;"\n', "sep=;;;;\r\n"])
def test_the_line_that_names_the_separator_is_no_header(tmp_path: Path, first: str) -> None:
    assert cells(read(tmp_path, (first + "\n".join([HEADER, *ROWS])).encode(), '"orders.csv"')) == EXPECTED


def test_a_named_separator_counts_more_than_the_frequent_one(tmp_path: Path) -> None:
    text = "sep=|\n" + "\n".join([HEADER, *ROWS[:1]]).replace(";", "|").replace("Goßweg", "a,b,c,d,e,f")
    assert read(tmp_path, text.encode(), '"orders.csv"')["brand"].to_list() == ["a,b,c,d,e,f"]


def test_lines_before_the_header_are_skipped(tmp_path: Path) -> None:
    text = "\n".join(["Export of orders", "", "Period: 2025; all shops", HEADER, *ROWS])
    assert cells(read(tmp_path, text.encode(), '{file = "orders.csv", skip_lines = 3}')) == EXPECTED
    marked = ("sep=;\n" + text).encode("cp1252")
    assert cells(read(tmp_path, marked, '{file = "orders.csv", skip_lines = 3, encoding = "cp1252"}')) == EXPECTED


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('{file = "orders.csv", encoding = "cp9999"}', "encoding should be an encoding such as cp1252 or utf-8"),
        ('{file = "orders.csv", skip_lines = -1}', "skip_lines should be"),
        ('{file = "orders.csv", encodng = "cp1252"}', "encodng"),
        ('{file = "postgresql://a/b"}', "should be a file, or {url, query} for a database; found a URL"),
    ],
)
def test_a_wrong_source_is_refused_with_its_key(tmp_path: Path, source: str, message: str) -> None:
    with pytest.raises(SettingsError) as error:
        read(tmp_path, b"", source)
    assert message in str(error.value)


def test_normalised_words_are_one_in_whatever_way_they_are_written(tmp_path: Path) -> None:
    rows = [
        f"k;{number};2025-01-01;5;{word}"
        for number, word in enumerate(["Acme", " ACME", "acme  ", "Ａcme", "New  Shop", "new shop", ""])
    ]
    text = "\n".join([HEADER, *rows]).encode()
    brands = read(tmp_path, text, '{file = "orders.csv", normalise = true}')["brand"].to_list()
    assert brands == ["acme"] * 4 + ["new shop"] * 2 + [None]
    assert read(tmp_path, text, '"orders.csv"')["brand"].n_unique() == 7
    assert read(tmp_path, text, '{file = "orders.csv", normalise = true}')["customer_id"].to_list() == ["k"] * 7
