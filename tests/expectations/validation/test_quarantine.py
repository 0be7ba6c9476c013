from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from expectations.validation.gate import load_tables
from expectations.validation.tables import check_tables
from features.tables.errors import TableUnusableError
from settings.load import load_settings
from settings.sections import Settings

NOW = datetime(2026, 1, 1)
HEADER = "customer_id,order_id,ordered_at,amount"


def write_shop(folder: Path, complaints: str | None = None, **files: str) -> Settings:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    config = '[tables]\ntransactions = "orders*.csv"\n'
    if complaints is not None:
        (folder / "complaints.csv").write_text(complaints)
        config += 'complaints = "complaints.csv"\n'
    (folder / "holdfast.toml").write_text(config)
    return load_settings(folder / "holdfast.toml", {})


def read_quarantine(settings: Settings, table: str = "transactions") -> pl.DataFrame:
    return pl.read_parquet(settings.workspace.path / "quarantine" / f"{table}.parquet")


def test_every_bad_row_is_set_aside_with_its_reason_and_row_number(tmp_path: Path) -> None:
    rows = [
        "007,1,2025-01-01,5",
        ",2,2025-01-01,5",
        "8,,2025-01-01,5",
        "8,4,soon,5",
        "8,5,,5",
        "8,6,2025-01-01,five",
        "8,7,2925-01-01,5",
        "8,8,2025-01-01,inf",
        "8,9,2025-01-01,nan",
    ]
    settings = write_shop(tmp_path, orders="\n".join([HEADER, *rows]))
    tables, [report] = load_tables(settings, NOW)
    assert report.rules == {
        "missing_customer_id": 1,
        "missing_order_id": 1,
        "unreadable_ordered_at": 1,
        "missing_ordered_at": 1,
        "unreadable_amount": 1,
        "future_ordered_at": 1,
        "not_finite_amount": 2,
    }
    assert (report.read, report.used, report.quarantined) == (9, 1, 8)
    assert tables.transactions.collect()["customer_id"].to_list() == ["007"]
    soon = read_quarantine(settings).row(by_predicate=pl.col("rule") == "unreadable_ordered_at", named=True)
    assert (soon["source"], soon["row"], soon["ordered_at"], soon["reason"]) == (
        "orders.csv",
        4,
        "soon",
        "ordered_at cannot be read as a date or time",
    )


def test_returns_zeros_duplicates_and_unusual_ids_stay_in_use(tmp_path: Path) -> None:
    rows = ["007,1,2025-01-01,-5", "7,1,2025-01-01,0", "7,1,2025-01-01,0", "Zoë Ω,2,2025-01-01,1"]
    _, [report] = load_tables(write_shop(tmp_path, orders="\n".join([HEADER, *rows])), NOW)
    assert (report.used, report.quarantined, report.duplicates) == (4, 0, 1)


def test_a_file_loaded_twice_is_used_once(tmp_path: Path) -> None:
    text = f"{HEADER}\n1,1,2025-01-01,5\n2,2,2025-01-02,5\n"
    another = f"{HEADER}\n1,1,2025-01-01,5\n3,3,2025-01-02,5\n"
    settings = write_shop(tmp_path, orders_a=text, orders_b=text, orders_c=another)
    tables, [report] = load_tables(settings, NOW)
    assert (report.read, report.used, report.rules) == (6, 4, {"repeated_load": 2})
    assert read_quarantine(settings)["source"].unique().to_list() == ["orders_b.csv"]
    assert tables.transactions.collect().height == 4


def test_ratings_outside_their_scale_are_set_aside(tmp_path: Path) -> None:
    (tmp_path / "surveys.csv").write_text("customer_id,answered_at,rating\n1,2025-01-01,5\n1,2025-01-01,6\n")
    settings = write_shop(tmp_path, orders=f"{HEADER}\n1,1,2025-01-01,5\n")
    config = tmp_path / "holdfast.toml"
    config.write_text(config.read_text() + 'surveys = "surveys.csv"\n')
    _, reports = load_tables(load_settings(config, {}), NOW)
    assert settings.tables.surveys is None
    assert reports[1].rules == {"out_of_range_rating": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{HEADER}\n", "has a header but no rows"),
        (
            f"{HEADER}\n1,1,2025-01-01,a\n2,2,2025-01-01,b\n",
            'the column amount has no readable number in any of 2 rows, for example "a"',
        ),
        (f"{HEADER}\n1,1,3/1/2025,5\n", "For another date format write STRPTIME"),
        (f"{HEADER}\n,1,2025-01-01,5\n", "none of its 1 rows is usable (1 missing_customer_id: customer_id is empty)"),
    ],
)
def test_a_table_without_a_usable_row_is_refused_in_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TableUnusableError) as error:
        load_tables(write_shop(tmp_path, orders=text), NOW)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unusable_table_keeps_the_good_rows_of_the_last_check(tmp_path: Path) -> None:
    settings = write_shop(tmp_path, orders=f"{HEADER}\n1,1,2025-01-01,5\n")
    load_tables(settings, NOW)
    before = (settings.workspace.path / "tables" / "transactions.parquet").read_bytes()
    (tmp_path / "orders.csv").write_text(f"{HEADER}\n")
    assert [report.usable for report in check_tables(settings, NOW)] == [False]
    assert (settings.workspace.path / "tables" / "transactions.parquet").read_bytes() == before
    assert [path.name for path in (settings.workspace.path / "tables").iterdir()] == ["transactions.parquet"]


def test_one_unusable_table_does_not_hide_the_others(tmp_path: Path) -> None:
    settings = write_shop(tmp_path, complaints="customer_id\n1\n", orders=f"{HEADER}\n1,1,2025-01-01,5\n")
    assert [(report.table, report.usable) for report in check_tables(settings, NOW)] == [
        ("transactions", True),
        ("complaints", False),
    ]


def test_later_rows_never_change_which_earlier_rows_are_used(tmp_path: Path) -> None:
    early = [f"{number % 7},{number},2025-01-{1 + number % 28:02d},{number}" for number in range(40)]
    settings = write_shop(tmp_path, orders="\n".join([HEADER, *early]))
    before = load_tables(settings, NOW)[0].transactions.collect()
    (tmp_path / "orders.csv").write_text("\n".join([HEADER, *early, "1,x,2925-01-01,1e300", ",,,", "2,y,2025-02-01,-1e9"]))
    after = load_tables(settings, NOW)[0].transactions.collect()
    assert after.head(40).equals(before)
    assert after.height == 41
