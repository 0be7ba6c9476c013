"""Comparison of a load with the loads before it and with the frozen reference."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from expectations.history import loads as check_history
from expectations.history.loads import LoadRecord, append_records, failing_since, read_check_history
from expectations.history.reference import read_references
from expectations.validation.report import TableReport
from expectations.validation.tables import check_tables
from settings.load import load_settings
from settings.sections import Settings

NOW = datetime(2026, 1, 1)
HEADER = "customer_id,order_id,ordered_at,amount,brand"
DAYS = [date(2025, 12, 31) - timedelta(days=age) for age in range(100)]
ROWS = [f"{number % 50},o{number},{DAYS[number % 100]},{5 + number % 20},b" for number in range(1_200)]


def write_shop(folder: Path, rows: list[str], config: str = "") -> Settings:
    (folder / "orders.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    (folder / "holdfast.toml").write_text(f'[tables]\ntransactions = "orders.csv"\n{config}')
    return load_settings(folder / "holdfast.toml", {})


def check(folder: Path, rows: list[str], *, renew: bool = False, config: str = "", now: datetime = NOW) -> TableReport:
    [report] = check_tables(write_shop(folder, rows, config), now, renew_reference=renew)
    return report


def warnings(report: TableReport) -> dict[str, float]:
    return {warning.check.name: warning.measure.value for warning in report.warnings}


def test_fewer_rows_than_before_cause_warnings_until_they_are_back(tmp_path: Path) -> None:
    assert warnings(check(tmp_path, ROWS)) == {}
    fewer = {"volume_shrink": pytest.approx(1_100 / 1_200), "gone_orders": pytest.approx(100 / 1_200)}
    assert warnings(check(tmp_path, ROWS[:1_100])) == fewer
    assert warnings(check(tmp_path, ROWS[:1_100])) == fewer
    assert warnings(check(tmp_path, ROWS)) == {}


def test_many_times_more_rows_cause_a_warning(tmp_path: Path) -> None:
    check(tmp_path, ROWS[:300])
    assert warnings(check(tmp_path, ROWS)) == {"volume_growth": 4}


def test_a_column_that_is_empty_for_the_first_time_causes_a_warning(tmp_path: Path) -> None:
    check(tmp_path, ROWS)
    assert warnings(check(tmp_path, [row.removesuffix("b") for row in ROWS])) == {"emptied_columns": 1}


def test_the_same_rows_in_another_order_are_not_a_new_load(tmp_path: Path) -> None:
    check(tmp_path, ROWS)
    check(tmp_path, ROWS[::-1], now=NOW + timedelta(days=1))
    [load] = read_check_history(tmp_path / "workspace")
    assert (load.checked_at, load.seen_at) == ("2026-01-01T00:00:00", "2026-01-02T00:00:00")


def test_failing_since_is_the_start_of_the_unbroken_failures() -> None:
    days = [("01", {"a": 1.0}), ("02", {}), ("03", {"a": 2.0}), ("04", {"a": 1.0})]
    loads = [LoadRecord("t", f"2026-01-{day}", "", failed=failed) for day, failed in days]
    assert failing_since(loads, "a") == "2026-01-03"
    assert failing_since(loads, "b") == ""


def test_the_check_history_keeps_the_newest_loads_of_each_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        append_records(tmp_path, [LoadRecord("t", str(number), str(number), content=str(number), read=number)])
    assert [load.read for load in read_check_history(tmp_path)] == [0, 1, 2]
    monkeypatch.setattr(check_history, "MAX_RECORDS_PER_TABLE", 3)
    repeated = LoadRecord("t", "2", "9", content="2", read=2)
    append_records(tmp_path, [repeated, repeated, LoadRecord("other", "3", "3")])
    assert [load.read for load in read_check_history(tmp_path) if load.table == "t"] == [0, 1, 2]
    append_records(tmp_path, [LoadRecord("t", "4", "4", content="4", read=4)])
    assert [load.read for load in read_check_history(tmp_path) if load.table == "t"] == [1, 2, 4]
    lines = (tmp_path / "checks" / "loads.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["content"] == "4"


def test_extremes_are_compared_with_a_reference_that_later_loads_do_not_change(tmp_path: Path) -> None:
    """The row with the largest number is used, in the first and in later loads; only rows beyond 100 times it are set aside."""
    assert check(tmp_path, [*ROWS, "1,x,2025-12-31,500,b"]).rules == {}
    assert read_references(tmp_path / "workspace")["transactions"].largest == {"amount": 500.0}
    later = [*ROWS, "1,x,2025-12-31,500,b", "1,y,2025-12-31,50000,b", "1,z,2025-12-31,-50001,b"]
    assert check(tmp_path, later).rules == {"extreme_amount": 1}
    assert read_references(tmp_path / "workspace")["transactions"].largest == {"amount": 500.0}
    assert check(tmp_path, later[:-1], renew=True).rules == {}
    assert check(tmp_path, later).rules == {}


def test_too_few_rows_freeze_no_reference(tmp_path: Path) -> None:
    check(tmp_path, ROWS[:500])
    assert read_references(tmp_path / "workspace") == {}


def test_thresholds_are_configured(tmp_path: Path) -> None:
    config = "[checks.transactions]\nmax_age_days = 0\nearliest = 2025-10-01\nlongest_id = 5\n"
    report = check(tmp_path, [*ROWS, "abcdef,x,2025-12-31,5,b", "1,y,2025-09-01,5,b"], config=config, now=NOW + timedelta(days=1))
    assert report.rules["too_long_customer_id"] == 1
    assert report.rules["implausible_ordered_at"] == 1 + sum(row.split(",")[2] < "2025-10-01" for row in ROWS)
    assert "fresh" in warnings(report)
