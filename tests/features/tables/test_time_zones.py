"""Times become those of the shop's clock: an evening is one day, with daylight saving time and leap days."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from features.frames.purchases import customer_days, occasions
from features.tables.read import read_table
from settings.clock import shop_today, to_shop_time
from settings.errors import SettingsError
from settings.load import load_settings

CALIFORNIA, BERLIN, SYDNEY, KATHMANDU = "America/Los_Angeles", "Europe/Berlin", "Australia/Sydney", "Asia/Kathmandu"


def times(folder: Path, cells: list[str] | pl.Series, time_zone: str | None) -> list[datetime]:
    path = folder / ("orders.csv" if isinstance(cells, list) else "orders.parquet")
    if isinstance(cells, list):
        path.write_text(
            "customer_id,order_id,ordered_at,amount\n" + "".join(f"a,1,{cell},5\n" for cell in cells), encoding="utf-8"
        )
    else:
        ones = pl.lit("1")
        frame = pl.DataFrame({"ordered_at": cells})
        frame.select(ones.alias("customer_id"), ones.alias("order_id"), "ordered_at", pl.lit(5.0).alias("amount")).write_parquet(
            path
        )
    zone = "" if time_zone is None else f'[workspace]\ntime_zone = "{time_zone}"\n'
    (folder / "holdfast.toml").write_text(f'{zone}[tables]\ntransactions = "{path.name}"\n', encoding="utf-8")
    table = read_table(load_settings(folder / "holdfast.toml", {}), "transactions")
    assert table is not None
    return table.rows.collect()["ordered_at"].to_list()


@pytest.mark.parametrize(
    ("cell", "time_zone", "expected"),
    [
        ("2026-03-02T03:30:00Z", None, "2026-03-02 03:30"),
        ("2026-03-02T03:30:00Z", CALIFORNIA, "2026-03-01 19:30"),
        ("2026-03-01T19:30:00-08:00", CALIFORNIA, "2026-03-01 19:30"),
        ("2026-03-01 19:30:00 -0800", CALIFORNIA, "2026-03-01 19:30"),
        ("2026-03-01 19:30:00", CALIFORNIA, "2026-03-01 19:30"),  # without a zone it is the shop's time
        ("2026-03-01", CALIFORNIA, "2026-03-01 00:00"),  # a day stays that day
        ("20260301", SYDNEY, "2026-03-01 00:00"),
        ("2026-03-08T09:59:00Z", CALIFORNIA, "2026-03-08 01:59"),  # the clocks are put forward
        ("2026-03-08T10:00:00Z", CALIFORNIA, "2026-03-08 03:00"),
        ("2026-10-25T00:30:00Z", BERLIN, "2026-10-25 02:30"),  # and back: one hour comes twice
        ("2026-10-25T01:30:00Z", BERLIN, "2026-10-25 02:30"),
        ("2026-10-25T23:30:00Z", BERLIN, "2026-10-26 00:30"),
        ("2028-02-29T13:30:00Z", SYDNEY, "2028-03-01 00:30"),  # leap days
        ("2028-03-01T02:00:00Z", CALIFORNIA, "2028-02-29 18:00"),
        ("2026-12-31T18:30:00Z", KATHMANDU, "2027-01-01 00:15"),
    ],
)
def test_a_time_is_that_of_the_shops_clock(tmp_path: Path, cell: str, time_zone: str | None, expected: str) -> None:
    assert times(tmp_path, [cell], time_zone) == [datetime.fromisoformat(expected)]


def test_an_evening_in_california_is_one_purchase(tmp_path: Path) -> None:
    evening = ["2026-03-02T02:00:00Z", "2026-03-02T06:30:00Z"]  # 18:00 and 22:30, on both sides of 16:00, midnight in UTC
    afternoon_and_evening = ["2026-03-01T23:00:00Z", "2026-03-02T06:30:00Z"]
    for cells, days_in_utc in ((evening, 1), (afternoon_and_evening, 2)):
        counts = []
        for zone in (CALIFORNIA, None):
            lines = pl.LazyFrame({"customer_id": ["a"] * 2, "ordered_at": times(tmp_path, cells, zone), "amount": [5.0] * 2})
            counts.append(occasions(customer_days(lines)).collect().height)
        assert counts == [1, days_in_utc]


def test_parquet_times_with_a_zone_are_converted_and_dates_are_not(tmp_path: Path) -> None:
    moment = datetime(2026, 3, 2, 3, 30)
    aware = pl.Series([moment], dtype=pl.Datetime("ms")).dt.replace_time_zone("UTC")
    assert times(tmp_path, aware, CALIFORNIA) == [datetime(2026, 3, 1, 19, 30)]
    assert times(tmp_path, aware.dt.convert_time_zone(SYDNEY), CALIFORNIA) == [datetime(2026, 3, 1, 19, 30)]
    assert times(tmp_path, pl.Series([moment], dtype=pl.Datetime("us")), CALIFORNIA) == [moment]
    assert times(tmp_path, pl.Series([date(2026, 3, 2)]), CALIFORNIA) == [datetime(2026, 3, 2)]


def test_the_shop_has_its_own_today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("settings.clock.utc_now", lambda: datetime(2026, 3, 2, 3, 30))
    assert [shop_today(zone) for zone in ("UTC", CALIFORNIA)] == [date(2026, 3, 2), date(2026, 3, 1)]
    assert to_shop_time(datetime(2026, 3, 2, 3, 30, tzinfo=UTC), SYDNEY) == datetime(2026, 3, 2, 14, 30)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "PST8PDT8"])
def test_an_unknown_zone_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=r"workspace\.time_zone should be a time zone such as Europe/Berlin"):
        times(tmp_path, ["2026-03-01"], name)
