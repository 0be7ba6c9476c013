"""Faults in files and their cost: one row, the whole table, or nothing."""

import os
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from expectations.validation.gate import load_tables
from expectations.validation.report import TableReport
from expectations.validation.tables import check_tables
from settings.load import load_settings

NOW = datetime(2026, 1, 1)
HEADER = "customer_id,order_id,ordered_at,amount"
GOOD = "1,1,2025-01-01,5"


def check(folder: Path, config: str = "") -> TableReport:
    (folder / "holdfast.toml").write_text(f'[tables]\ntransactions = "*/orders*.csv"\n{config}')
    [report] = check_tables(load_settings(folder / "holdfast.toml", {}), NOW)
    return report


def write_file(folder: Path, content: str | bytes, name: str = "a/orders.csv") -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (b"2,2,2025-01-01,5,extra", "too_many_cells"),
        ("M\u00fcller,2,2025-01-01,5".encode("latin-1"), "undecodable_customer_id"),
        (b"2,2,2025-01-01", "missing_amount"),
        (b'2,2,"2025-13-01",5', "unreadable_ordered_at"),
        (b'2,2,2025-01-01,"1,234.5"', "unreadable_amount"),
    ],
)
def test_a_bad_row_costs_only_itself(tmp_path: Path, row: bytes, rule: str) -> None:
    report = check(write_file(tmp_path, f"{HEADER}\n{GOOD}\n".encode() + row + b"\n3,3,2025-01-01,5\n"))
    assert (report.read, report.used, report.rules) == (3, 2, {rule: 1})


def test_a_bad_cell_in_a_sparse_optional_column_costs_only_its_row(tmp_path: Path) -> None:
    rows = "\n".join(f"{number},{number},2025-01-01,5," for number in range(9))
    report = check(write_file(tmp_path, f"{HEADER},discount\n{rows}\n9,9,2025-01-01,5,none\n"))
    assert (report.used, report.rules) == (9, {"unreadable_discount": 1})


def test_a_copy_in_another_folder_or_order_is_a_repeated_load(tmp_path: Path) -> None:
    write_file(tmp_path, f"{HEADER}\n{GOOD}\n2,2,2025-01-02,7\n", "a/orders.csv")
    report = check(write_file(tmp_path, f"{HEADER}\n2,2,2025-01-02,7\n{GOOD}\n", "b/orders.csv"))
    assert (report.used, report.rules) == (2, {"repeated_load": 2})
    quarantine = pl.read_parquet(tmp_path / "workspace" / "quarantine" / "transactions.parquet")
    assert quarantine["source"].unique().to_list() == ["b/orders.csv"]


@pytest.mark.parametrize(
    ("text", "config", "problem"),
    [
        (f"{HEADER},amount\n{GOOD},6\n", "", "the column amount appears twice in the header"),
        (
            f"{HEADER}\n{GOOD}\n",
            '[columns.transactions]\namount = "SUM(amount)"\n',
            "it uses Agg.Count, which is not known to look at its own row only",
        ),
        (
            f"{HEADER}\n{GOOD}\n",
            '[columns.transactions]\namount = "amount / MAX(amount)"\n',
            "it uses Agg.Max, which is not known to",
        ),
    ],
)
def test_an_ambiguous_header_or_expression_is_refused(tmp_path: Path, text: str, config: str, problem: str) -> None:
    report = check(write_file(tmp_path, text), config)
    assert not report.usable
    assert problem in str(report.problem)


def test_the_one_file_with_other_columns_is_named(tmp_path: Path) -> None:
    write_file(tmp_path, f"{HEADER}\n{GOOD}\n", "a/orders.csv")
    assert "(in b/orders.csv)" in str(check(write_file(tmp_path, "x,y\n1,2\n", "b/orders.csv")).problem)


def test_brackets_in_a_folder_name_are_not_a_pattern(tmp_path: Path) -> None:
    folder = tmp_path / "we[ird]"
    folder.mkdir()
    (folder / "orders.csv").write_text(f"{HEADER}\n{GOOD}\n")
    (folder / "holdfast.toml").write_text('[tables]\ntransactions = "orders.csv"\n')
    tables, _ = load_tables(load_settings(folder / "holdfast.toml", {}), NOW)
    assert tables.transactions.collect().height == 1


def test_files_left_behind_by_a_killed_check_are_removed(tmp_path: Path) -> None:
    tables = tmp_path / "workspace" / "tables"
    tables.mkdir(parents=True)
    running = f".{os.getppid()}.transactions.parquet"
    for name in (".99999999.transactions.parquet", running):
        (tables / name).write_bytes(b"half a file")
    check(write_file(tmp_path, f"{HEADER}\n{GOOD}\n"))
    assert {path.name for path in tables.iterdir()} == {"transactions.parquet", running}
