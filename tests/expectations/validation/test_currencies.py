"""Amounts in other currencies are converted at the rate of their day, or set aside; they are never added as they are."""

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from expectations.rows.releases import ReleaseError
from expectations.validation.gate import load_tables
from expectations.validation.release import release_rows
from expectations.validation.report import TableReport
from expectations.validation.tables import check_tables
from features.tables.schema import Tables
from settings.load import load_settings

NOW = datetime(2026, 12, 1)
HEADER = "customer_id,order_id,ordered_at,amount,currency,unit_price"
RATES = "currency,rated_at,rate\nUSD,2026-11-01,0.9\nusd,2026-11-10,0.8\nSEK,2026-11-01,0.1\n"
LINES = [
    "a,1,2026-11-01,100,EUR,100",
    "a,2,2026-11-09 23:59,100,USD,50",
    "a,3,2026-11-10,100,usd,50",
    "a,4,2026-11-20,100,,100",
    "a,5,2026-10-31,100,USD,50",
    "a,6,2026-11-20,100,GBP,50",
]


def write_shop(folder: Path, lines: list[str], rates: str = "", extra: str = "") -> Path:
    (folder / "orders.csv").write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    sources = 'transactions = "orders.csv"\n'
    if rates:
        (folder / "rates.csv").write_text(rates, encoding="utf-8")
        sources += 'rates = "rates.csv"\n'
    config = folder / "holdfast.toml"
    config.write_text(f"[tables]\n{sources}{extra}", encoding="utf-8")
    return config


def load(folder: Path, lines: list[str], rates: str = "", extra: str = "") -> tuple[Tables, TableReport]:
    tables, reports = load_tables(load_settings(write_shop(folder, lines, rates, extra), {}), NOW)
    return tables, next(report for report in reports if report.table == "transactions")


def amounts(tables: Tables) -> dict[str, float]:
    return dict(tables.transactions.select("order_id", "amount").collect().iter_rows())


def test_rows_are_converted_at_the_newest_rate_up_to_their_day(tmp_path: Path) -> None:
    tables, report = load(tmp_path, LINES, RATES)
    assert amounts(tables) == pytest.approx({"1": 100.0, "2": 90.0, "3": 80.0, "4": 100.0})
    assert tables.transactions.select("unit_price").collect()["unit_price"].to_list() == pytest.approx([100.0, 45.0, 40.0, 100.0])
    assert report.rules == {"other_currency": 2}
    assert report.read == report.used + 2


def test_later_rates_change_nothing(tmp_path: Path) -> None:
    before = amounts(load(tmp_path, LINES, RATES)[0])
    assert amounts(load(tmp_path, LINES, RATES + "USD,2026-11-20,5\nUSD,2027-05-01,9\n")[0]) == before


def test_without_rates_other_currencies_are_set_aside(tmp_path: Path) -> None:
    tables, report = load(tmp_path, LINES)
    assert amounts(tables) == {"1": 100.0, "4": 100.0}
    assert report.rules == {"other_currency": 4}


def test_a_shop_whose_currency_is_not_configured_is_told_what_was_found(tmp_path: Path) -> None:
    settings = load_settings(write_shop(tmp_path, [line.replace("EUR", "USD") for line in LINES[:3]]), {})
    [report] = check_tables(settings, NOW)
    assert not report.usable
    assert report.problem == (
        "none of its 3 rows is usable (3 other_currency: its currency is not EUR, that of [value], and the rates table has no "
        'rate for its day, such as "USD").'
    )
    dollars = load(tmp_path, LINES[1:3], extra='[value]\ncurrency = "USD"\n')[0]
    assert amounts(dollars) == {"2": 100.0, "3": 100.0}


@pytest.mark.parametrize("rate", ["0", "-1", "", "much"])
def test_a_rate_that_is_none_is_set_aside(tmp_path: Path, rate: str) -> None:
    reports = check_tables(load_settings(write_shop(tmp_path, LINES, RATES + f"GBP,2026-11-01,{rate}\n"), {}), NOW)
    assert next(report for report in reports if report.table == "rates").quarantined == 1
    assert next(report for report in reports if report.table == "transactions").rules == {"other_currency": 2}


def test_a_released_row_needs_the_currency_of_the_shop(tmp_path: Path) -> None:
    settings = load_settings(write_shop(tmp_path, LINES), {})
    check_tables(settings, NOW)
    quarantine = pl.read_parquet(tmp_path / "workspace" / "quarantine" / "transactions.parquet")
    corrected = tmp_path / "corrected.csv"
    quarantine.filter(order_id="6").with_columns(pl.lit("115").alias("amount"), pl.lit("EUR").alias("currency")).write_csv(
        corrected
    )
    assert release_rows(settings, corrected, NOW) == {"transactions": 1}
    assert amounts(load_tables(settings, NOW)[0]) == {"1": 100.0, "4": 100.0, "6": 115.0}
    quarantine.filter(order_id="5").write_csv(corrected)
    with pytest.raises(ReleaseError, match="other_currency"):
        release_rows(settings, corrected, NOW)


def test_the_day_of_an_order_is_that_of_the_shop(tmp_path: Path) -> None:
    line = "a,1,2026-11-10T03:00:00Z,100,USD,50"  # in California still the evening of the 9th
    tables, _ = load(tmp_path, [line], RATES, '[workspace]\ntime_zone = "America/Los_Angeles"\n')
    assert amounts(tables) == pytest.approx({"1": 90.0})
    assert tables.transactions.collect()["ordered_at"].dt.date().to_list() == [date(2026, 11, 9)]
