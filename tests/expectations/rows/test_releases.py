from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from expectations.rows.releases import ReleaseError
from expectations.validation.release import release_rows
from expectations.validation.report import TableReport
from expectations.validation.tables import check_tables
from settings.load import load_settings
from settings.sections import Settings

NOW = datetime(2026, 1, 1)
HEADER = "customer_id,order_id,ordered_at,amount"
BAD = ["7,2,2025-12-02,five", ",3,2025-12-03,6", ",3,2025-12-03,6", "7,4,1970-01-01,8", '7,"5,2025-12-05,9']


def write_shop(folder: Path, rows: list[str] | None = None) -> Settings:
    (folder / "orders.csv").write_text("\n".join([HEADER, "007,1,2025-12-01,5", *(BAD if rows is None else rows)]) + "\n")
    (folder / "holdfast.toml").write_text('[tables]\ntransactions = "orders.csv"\n')
    return load_settings(folder / "holdfast.toml", {})


def check(settings: Settings) -> TableReport:
    [report] = check_tables(settings, NOW)
    return report


def read_quarantine(settings: Settings) -> pl.DataFrame:
    return pl.read_parquet(settings.workspace.path / "quarantine" / "transactions.parquet")


def read_good_rows(settings: Settings) -> pl.DataFrame:
    return pl.read_parquet(settings.workspace.path / "tables" / "transactions.parquet")


def release(settings: Settings, folder: Path, rows: pl.DataFrame, name: str = "corrected.csv") -> int:
    path = folder / name
    rows.write_csv(path) if name.endswith("csv") else rows.write_parquet(path)
    return release_rows(settings, path, NOW).get("transactions", 0)


def test_a_corrected_row_is_used_and_counts_add_up(tmp_path: Path) -> None:
    settings = write_shop(tmp_path)
    assert (check(settings).used, check(settings).quarantined) == (1, 5)
    rows = read_quarantine(settings).filter(pl.col("rule") == "unreadable_amount").with_columns(amount=pl.lit("5.5"))
    assert release(settings, tmp_path, rows) == 1
    report = check(settings)
    assert (report.read, report.used, report.quarantined, report.released) == (6, 2, 4, 1)
    assert "unreadable_amount" not in report.rules
    assert read_good_rows(settings).filter(order_id="2")["amount"].to_list() == [5.5]
    assert read_quarantine(settings).height == 4


def test_equal_rows_can_be_corrected_one_after_the_other(tmp_path: Path) -> None:
    settings = write_shop(tmp_path)
    check(settings)
    both = read_quarantine(settings).filter(pl.col("rule") == "missing_customer_id")
    release(settings, tmp_path, both.head(1).with_columns(customer_id=pl.lit("8")), "corrected.parquet")
    assert check(settings).rules["missing_customer_id"] == 1
    assert read_good_rows(settings)["customer_id"].to_list() == ["007", "8"]
    second = read_quarantine(settings).filter(pl.col("rule") == "missing_customer_id").with_columns(customer_id=pl.lit("9"))
    release(settings, tmp_path, second)
    assert "missing_customer_id" not in check(settings).rules
    assert sorted(read_good_rows(settings)["customer_id"]) == ["007", "8", "9"]


def test_a_row_released_unchanged_is_accepted(tmp_path: Path) -> None:
    settings = write_shop(tmp_path)
    check(settings)
    release(settings, tmp_path, read_quarantine(settings).filter(pl.col("rule") == "implausible_ordered_at"))
    assert read_good_rows(settings)["order_id"].to_list() == ["1"]
    assert "implausible_ordered_at" not in check(settings).rules
    assert sorted(read_good_rows(settings)["order_id"]) == ["1", "4"]


def test_the_cells_of_a_line_with_broken_quotes_can_be_filled_in(tmp_path: Path) -> None:
    settings = write_shop(tmp_path)
    check(settings)
    broken = read_quarantine(settings).filter(pl.col("rule") == "broken_quotes")
    assert broken["beyond_header"].item().endswith('7,"5,2025-12-05,9')
    cells = {"customer_id": "7", "order_id": "5", "ordered_at": "2025-12-05", "amount": "9"}
    release(settings, tmp_path, broken.with_columns(pl.lit(cell).alias(name) for name, cell in cells.items()))
    check(settings)
    assert read_good_rows(settings).filter(order_id="5").select("customer_id", "amount").rows() == [("7", 9.0)]


def test_a_release_survives_new_rows_and_causes_a_warning_when_its_row_is_gone(tmp_path: Path) -> None:
    settings = write_shop(tmp_path)
    check(settings)
    release(
        settings,
        tmp_path,
        read_quarantine(settings).filter(pl.col("rule") == "unreadable_amount").with_columns(amount=pl.lit("5")),
    )
    report = check(write_shop(tmp_path, ["9,9,2025-12-09,1", *BAD, "9,10,2025-12-10,1"]))
    assert (report.used, report.quarantined, report.released) == (4, 4, 1)
    gone = check(write_shop(tmp_path, BAD[1:]))
    lost = [warning.measure.value for warning in gone.warnings if warning.check.name == "lost_releases"]
    assert (gone.released, lost) == (0, [1])


def test_an_invalid_release_is_refused_and_nothing_is_stored(tmp_path: Path) -> None:
    settings = write_shop(tmp_path)
    check(settings)
    bad = read_quarantine(settings)
    with pytest.raises(ReleaseError, match=r"still cannot be used \(1 unreadable_amount\)"):
        release(settings, tmp_path, bad.filter(pl.col("rule") == "unreadable_amount"))
    with pytest.raises(ReleaseError, match="1 of 1 rows for transactions are not in quarantine now"):
        release(settings, tmp_path, bad.head(1).with_columns(row_key=pl.lit("0")))
    with pytest.raises(ReleaseError, match="has no column row_key"):
        release(settings, tmp_path, bad.drop("row_key"))
    with pytest.raises(ReleaseError, match="is in the quarantine folder, which every check overwrites"):
        release_rows(settings, settings.workspace.path / "quarantine" / "transactions.parquet", NOW)
    with pytest.raises(ReleaseError, match="cannot be read"):
        release_rows(settings, tmp_path / "none.csv", NOW)
    with pytest.raises(ReleaseError, match="has rows of the table surveys, but no row of that table is in quarantine"):
        release(settings, tmp_path, bad.with_columns(table=pl.lit("surveys")))
    assert not (settings.workspace.path / "released").exists()
    assert check(settings).released == 0
