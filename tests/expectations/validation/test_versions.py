"""Orders that come again: with a key the newest version counts, point in time; without one, a warning names the money."""

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from expectations.validation.gate import load_tables
from expectations.validation.report import TableReport
from features.point_in_time import known_before
from features.tables.schema import Tables
from settings.errors import SettingsError
from settings.load import load_settings

NOW = datetime(2026, 12, 1)
HEADER = "customer_id,order_id,ordered_at,amount"


def load(folder: Path, files: dict[str, list[str]], options: str = "", header: str = HEADER) -> tuple[Tables, TableReport]:
    for name, rows in files.items():
        (folder / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    (folder / "holdfast.toml").write_text(f'[tables]\ntransactions = {{file = "t*.csv"{options}}}\n', encoding="utf-8")
    tables, [report] = load_tables(load_settings(folder / "holdfast.toml", {}), NOW)
    return tables, report


def amounts(tables: Tables, as_of: date) -> list[float]:
    return known_before(tables, as_of).transactions.collect()["amount"].sort().to_list()


ORDER_KEY = ', key = ["order_id"]'
LOADED = f"{HEADER},ingested_at"


def test_the_newest_version_of_an_order_counts_and_earlier_days_see_the_earlier_one(tmp_path: Path) -> None:
    files = {
        "t1.csv": ["a,1,2026-11-01,100,2026-11-02", "b,2,2026-11-01,7,2026-11-02"],
        "t2.csv": ["a,1,2026-11-01,80,2026-11-09"],
    }
    tables, report = load(tmp_path, files, ORDER_KEY, LOADED)
    assert amounts(tables, date(2026, 11, 2)) == []
    assert amounts(tables, date(2026, 11, 9)) == [7.0, 100.0]
    assert amounts(tables, date(2026, 11, 10)) == [7.0, 80.0]
    assert (report.read, report.used, report.rules) == (3, 3, {})


def test_without_dates_the_newest_file_counts_and_the_others_are_set_aside(tmp_path: Path) -> None:
    files = {"t1.csv": ["a,1,2026-11-01,100", "a,1,2026-11-01,5"], "t2.csv": ["a,1,2026-11-01,80", "b,2,2026-11-01,7"]}
    tables, report = load(tmp_path, files, ORDER_KEY)
    assert amounts(tables, date(2026, 12, 1)) == [7.0, 80.0]
    assert (report.read, report.used, report.rules) == (4, 2, {"superseded_row": 2})


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ('["order_id"]', [80.0]),
        ('["order_id", "product_id"]', [20.0, 80.0]),
        ('["customer_id", "order_id", "product_id"]', [20.0, 80.0]),
    ],
)
def test_the_key_says_whether_orders_or_lines_are_replaced(tmp_path: Path, key: str, expected: list[float]) -> None:
    files = {
        "t1.csv": ["a,1,2026-11-01,100,tea,2026-11-02", "a,1,2026-11-01,20,pot,2026-11-02"],
        "t2.csv": ["a,1,2026-11-01,80,tea,2026-11-09"],
    }
    tables, _ = load(tmp_path, files, f", key = {key}", f"{HEADER},product_id,ingested_at")
    assert amounts(tables, date(2026, 12, 1)) == expected


def test_three_versions_of_which_two_came_on_one_day(tmp_path: Path) -> None:
    files = {
        "t1.csv": ["a,1,2026-11-01,100,"],  # without a date it was always known
        "t2.csv": ["a,1,2026-11-01,90,2026-11-05"],
        "t3.csv": ["a,1,2026-11-01,80,2026-11-05"],
    }
    tables, report = load(tmp_path, files, ORDER_KEY, LOADED)
    assert [amounts(tables, date(2026, 11, day)) for day in (5, 6)] == [[100.0], [80.0]]
    assert report.rules == {"superseded_row": 1}


def test_a_newer_version_that_cannot_be_read_replaces_nothing(tmp_path: Path) -> None:
    files = {"t1.csv": ["a,1,2026-11-01,100"], "t2.csv": ["a,1,2026-11-01,eighty", "b,2,2026-11-01,1"]}
    tables, report = load(tmp_path, files, ORDER_KEY)
    assert amounts(tables, date(2026, 12, 1)) == [1.0, 100.0]
    assert report.rules == {"unreadable_amount": 1}


def test_rows_without_a_key_are_all_kept(tmp_path: Path) -> None:
    columns = "customer_id,order_id,ordered_at,amount,product_id"
    files = {"t1.csv": ["a,1,2026-11-01,100,"], "t2.csv": ["a,1,2026-11-01,80,"]}
    tables, _ = load(tmp_path, files, ', key = ["product_id"]', columns)
    assert amounts(tables, date(2026, 12, 1)) == [80.0, 100.0]


def test_replaced_rows_do_not_count_as_a_large_share_set_aside(tmp_path: Path) -> None:
    rows = [f"{number},{number},2026-11-01,5" for number in range(150)]
    files = {f"t{number}.csv": [*rows[: 150 - number], f"z{number},z{number},2026-11-02,1"] for number in range(4)}
    tables, report = load(tmp_path, files, ORDER_KEY)
    assert report.usable
    assert len(amounts(tables, date(2026, 12, 1))) == 154


def finding(report: TableReport, name: str) -> str:
    return next((finding.message for finding in report.findings if finding.check.name == name and not finding.passed), "")


def test_without_a_key_changed_and_repeated_orders_warn_with_the_money(tmp_path: Path) -> None:
    files = {
        "t1.csv": ["a,1,2026-11-01,100", "b,2,2026-11-01,7", "c,3,2026-11-01,9"],
        "t2.csv": ["a,1,2026-11-01,80", "b,2,2026-11-01,7", "d,4,2026-11-02,9"],
    }
    tables, report = load(tmp_path, files)
    assert sum(amounts(tables, date(2026, 12, 1))) == 212
    changed, repeated = finding(report, "changed_orders"), finding(report, "overlap")
    assert "found 1 (their other versions add 100.00; key = [" in changed
    assert "found 1 (their other versions add 7.00; key = [" in repeated


def test_a_later_return_and_a_reused_number_are_no_changed_order(tmp_path: Path) -> None:
    files = {
        "t1.csv": ["a,1,2026-11-01,100", "b,2,2026-11-01,7"],
        "t2.csv": ["a,1,2026-11-05,-100", "c,2,2026-11-06,9"],
    }
    _, report = load(tmp_path, files)
    assert finding(report, "changed_orders") == finding(report, "repeated_orders") == finding(report, "overlap") == ""


def test_versions_in_one_file_are_noticed_by_their_day_of_loading(tmp_path: Path) -> None:
    rows = [
        "a,1,2026-11-01,100,2026-11-02",
        "a,1,2026-11-01,80,2026-11-09",
        "b,2,2026-11-01,7,2026-11-02",
        "b,2,2026-11-01,7,2026-11-09",
    ]
    _, report = load(tmp_path, {"t1.csv": rows}, "", LOADED)
    assert "their other versions add 100.00" in finding(report, "changed_orders")
    assert "their other versions add 7.00" in finding(report, "repeated_orders")


def test_a_key_that_the_table_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"tables\.transactions\.key names order; the table has customer_id, order_id"):
        load(tmp_path, {"t1.csv": ["a,1,2026-11-01,1"]}, ', key = ["order"]')


def test_the_newest_row_of_a_customer_counts(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("customer_id,region,ingested_at\na,North,2026-01-01\na,South,2026-06-01\n", encoding="utf-8")
    (tmp_path / "t.csv").write_text(f"{HEADER}\na,1,2026-01-01,5\n", encoding="utf-8")
    sources = 'transactions = "t.csv"\ncustomers = {file = "c.csv", key = ["customer_id"]}'
    (tmp_path / "holdfast.toml").write_text(f"[tables]\n{sources}\n", encoding="utf-8")
    tables, _ = load_tables(load_settings(tmp_path / "holdfast.toml", {}), NOW)
    regions = [known_before(tables, day).customers for day in (date(2026, 3, 1), date(2026, 12, 1))]
    assert [rows.collect()["region"].to_list() for rows in regions if rows is not None] == [["North"], ["South"]]


def test_the_quarantine_names_the_rule_and_the_key(tmp_path: Path) -> None:
    load(tmp_path, {"t1.csv": ["a,1,2026-11-01,100"], "t2.csv": ["a,1,2026-11-01,80"]}, ORDER_KEY)
    rows = pl.read_parquet(tmp_path / "workspace" / "quarantine" / "transactions.parquet")
    assert rows.select("rule", "source", "reason").row(0) == (
        "superseded_row",
        "t1.csv",
        "the source has a newer version of the row with the same order_id",
    )
