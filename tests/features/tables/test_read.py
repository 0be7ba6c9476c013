import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from features.tables.errors import TableUnusableError
from features.tables.read import read_table
from settings.errors import SettingsError
from settings.sections import ColumnMaps, Settings, Source, SqlQuery, TableSources

Reader = Callable[..., pl.DataFrame]
HEADER = "customer_id,order_id,ordered_at,amount"


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    def run(source: Source, **columns: str) -> pl.DataFrame:
        location = source if isinstance(source, SqlQuery) else str(tmp_path / source)
        settings = Settings(TableSources(location), columns=ColumnMaps(transactions=columns))
        table = read_table(settings, "transactions")
        assert table is not None
        return table.rows.collect()

    return run


def test_one_bad_cell_costs_one_cell_and_its_text_is_kept(tmp_path: Path, read: Reader) -> None:
    (tmp_path / "o.csv").write_text(f"{HEADER}\n007,1,2025-01-01,5\n8,2,soon,abc\n")
    actual = read("o.csv").select("_row", "customer_id", "amount", "_raw_ordered_at", "_raw_amount").rows()
    assert actual == [(1, "007", 5.0, None, None), (2, "8", None, "soon", "abc")]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_detected_from_the_header(tmp_path: Path, read: Reader, separator: str) -> None:
    text = f"\ufeff{HEADER}\r\nä,1,2025-01-01,5\r\n".replace(",", separator)
    (tmp_path / "o.csv").write_text(text, encoding="utf-8")
    assert read("o.csv").select("customer_id", "amount").rows() == [("ä", 5.0)]


def test_a_glob_reads_files_in_order_of_name_with_their_own_rows(tmp_path: Path, read: Reader) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.csv").write_text(f"{HEADER}\n{name},1,2025-01-01,5\n")
    assert read("*.csv").select("_source", "_row", "customer_id").rows() == [("a.csv", 1, "a"), ("b.csv", 1, "b")]


def test_numbers_of_an_expression_are_read_from_text(tmp_path: Path, read: Reader) -> None:
    (tmp_path / "o.csv").write_text(
        "Who;Inv;When;Qty;Price;Kind\n1;1;2/12/2010 8:26;2;2.5;sale\n1;2;99/12/2010 8:26;x;4;return\n"
    )
    mapping = {
        "customer_id": "Who",
        "order_id": "Inv",
        "ordered_at": "STRPTIME(When, '%d/%m/%Y %H:%M')",
        "amount": "CASE WHEN Kind = 'return' THEN -Price ELSE Price END",
        "quantity": "Qty * 1",
    }
    first, second = read("o.csv", **mapping).to_dicts()
    assert (first["ordered_at"], first["amount"], first["quantity"]) == (datetime(2010, 12, 2, 8, 26), 2.5, 2.0)
    assert (second["ordered_at"], second["_raw_ordered_at"]) == (None, "99/12/2010 8:26")
    assert (second["amount"], second["_raw_amount"]) == (-4.0, None)
    assert (second["quantity"], second["_raw_quantity"]) == (None, "x")


def test_unknown_columns_are_ignored_and_absent_ones_stay_absent(tmp_path: Path, read: Reader) -> None:
    (tmp_path / "o.csv").write_text(f"{HEADER},colour\n1,1,2025-01-01,5,red\n")
    columns = read("o.csv").columns
    assert "colour" not in columns
    assert "brand" not in columns


def test_parquet_ids_of_any_type_become_text(tmp_path: Path, read: Reader) -> None:
    times = [datetime(2025, 1, 1)] * 2
    pl.DataFrame({"customer_id": [7, None], "order_id": [1.0, 2.0], "ordered_at": times, "amount": [1, 2]}).write_parquet(
        tmp_path / "o.parquet"
    )
    assert read("o.parquet").select("customer_id", "order_id", "amount").rows() == [("7", "1", 1.0), (None, "2", 2.0)]


def test_sqlite_may_mix_types_in_a_column(tmp_path: Path, read: Reader) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as shop:
        shop.execute("create table o (customer_id, order_id, ordered_at, amount)")
        shop.executemany("insert into o values (?, ?, ?, ?)", [(7, "a", "2025-01-01", 5), ("008", "b", "2025-01-02", 2.5)])
    shop.close()
    actual = read(SqlQuery(f"sqlite:///{tmp_path}/shop.db", "select * from o order by order_id"))
    assert actual.select("customer_id", "ordered_at", "amount").rows() == [
        ("7", datetime(2025, 1, 1), 5.0),
        ("008", datetime(2025, 1, 2), 2.5),
    ]


@pytest.mark.postgres
def test_a_postgres_query_is_read(read: Reader, postgres_url: str) -> None:
    query = "select '007' customer_id, 'a' order_id, timestamptz '2025-01-01 00:30:00+02' ordered_at, 5.25::numeric amount"
    actual = read(SqlQuery(postgres_url, query))
    assert actual.select("customer_id", "ordered_at", "amount").rows() == [("007", datetime(2024, 12, 31, 22, 30), 5.25)]


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        (f"{HEADER}\n"[12:], {}, "the column customer_id is missing; found order_id, ordered_at, amount"),
        ("", {}, "the source is empty, without even a header"),
        (f"{HEADER}\n", {"amount": "price * 2"}, 'the column price, needed for amount = "price * 2", is missing'),
        (f"{HEADER}\n", {"amount": "amount **"}, "neither a column"),
        (
            f"{HEADER}\n",
            {"amount": "amount - QUANTILE_CONT(amount, 0.5)"},
            "it uses Quantile, which is not known to look at its own row",
        ),
        (f"{HEADER}\n", {"ordered_at": "DATE(ordered_at)"}, "it uses a date function without a format"),
        (f"{HEADER}\n", {"amount": "order_id || 'x'"}, "amount = \"order_id || 'x'\" does not give a number: its type is String"),
    ],
)
def test_a_table_that_cannot_be_read_says_what_was_found(
    tmp_path: Path, read: Reader, text: str, columns: dict[str, str], message: str
) -> None:
    (tmp_path / "o.csv").write_text(text)
    with pytest.raises(TableUnusableError) as error:
        read("o.csv", **columns)
    assert message in str(error.value)
    assert str(error.value).startswith("Table transactions: ")


def test_a_missing_file_names_the_key_to_correct(read: Reader) -> None:
    with pytest.raises(TableUnusableError, match=r"there is no file .*; correct tables\.transactions"):
        read("none.csv")


def test_a_failing_query_says_so(read: Reader, tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "shop.db").close()
    with pytest.raises(TableUnusableError, match="no such table"):
        read(SqlQuery(f"sqlite:///{tmp_path}/shop.db", "select * from o"))


def test_a_failing_connection_hides_the_password(read: Reader) -> None:
    with pytest.raises(TableUnusableError, match="the query on postgresql://me:") as error:
        read(SqlQuery("postgresql://me:secret@127.0.0.1:1/shop", "select 1"))
    assert "secret" not in str(error.value)


def test_a_mapped_column_must_be_a_column_of_the_table(tmp_path: Path, read: Reader) -> None:
    (tmp_path / "o.csv").write_text(f"{HEADER}\n")
    with pytest.raises(SettingsError, match=r"Unknown key columns\.transactions\.amnt"):
        read("o.csv", amnt="amount")
