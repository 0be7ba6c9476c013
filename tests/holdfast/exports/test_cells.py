"""How cells are written, from the cells alone; whatever is recognised is read back with the values meant."""

from collections.abc import Callable
from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from features.tables.mapping import map_columns
from features.tables.schema import TRANSACTIONS
from features.tables.sources import OVERFLOW, ROW, SOURCE
from holdfast.exports.cells.dates import NAMED, TIMES, time_format
from holdfast.exports.cells.numbers import number_format
from holdfast.exports.cells.time_zones import zone_of_names, zone_of_offsets

TODAY = datetime(2026, 11, 27)
WRITE_NUMBERS: dict[str, Callable[[float], str]] = {
    "plain": lambda x: f"{x:.2f}",
    "thousands": lambda x: f"{x:,.2f}",
    "comma": lambda x: f"{x:.2f}".replace(".", ","),
    "comma and thousands": lambda x: f"{x:,.2f}".translate(str.maketrans(",.", ".,")),
    "Swiss": lambda x: f"{x:,.2f}".replace(",", "’"),
    "French": lambda x: f"{x:,.2f} €".replace(",", "\u202f").replace(".", ","),
    "dollars": lambda x: f"-${-x:,.2f}" if x < 0 else f"${x:,.2f}",
    "brackets": lambda x: f"(${-x:,.2f})" if x < 0 else f"${x:,.2f}",
    "minus at the end": lambda x: f"{-x:.2f}-" if x < 0 else f"{x:.2f}",
    "code": lambda x: f"EUR {x:.2f}",
}
DATE_HEADS = ["%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%y", "%Y/%m/%d", *NAMED]


def read_back(name: str, sql: str, cells: list[str]) -> list[object]:
    frame = pl.LazyFrame({"cell": cells, "customer_id": cells, "order_id": cells, "other": ["1"] * len(cells)}).with_columns(
        pl.lit(1).alias(ROW),
        pl.lit("f").alias(SOURCE),
        pl.lit(None, pl.String).alias(OVERFLOW),
        pl.lit("2026-01-01").alias("day"),
    )
    columns = {"ordered_at": "day", "amount": "other"} | {name: sql}
    return map_columns(TRANSACTIONS, frame, columns).collect()[name].to_list()


@pytest.mark.parametrize("style", WRITE_NUMBERS)
@hypothesis_settings(max_examples=15)
@given(numbers=st.lists(st.decimals(-99_999, 99_999, places=2).map(float), min_size=1, max_size=20))
def test_numbers_are_read_as_they_are_meant(style: str, numbers: list[float]) -> None:
    numbers = [*numbers, 1234.56, -7.5]  # cells that decide between comma and point
    cells = [WRITE_NUMBERS[style](number) for number in numbers]
    written = number_format(pl.Series(cells))
    assert written is not None
    assert not written.is_ambiguous
    assert read_back("amount", written.sql('"cell"'), cells) == pytest.approx(numbers)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [(["1.234", "5.678"], True), (["1,234", "12"], True), (["1.234", "5.678", "0.5"], False), (["1,234", "5.25"], False)],
)
def test_cells_that_may_be_thousands_or_decimals_are_said_to_be_so(cells: list[str], expected: bool) -> None:  # noqa: FBT001  # the expected value
    written = number_format(pl.Series(cells))
    assert written is not None
    assert written.is_ambiguous == expected


@pytest.mark.parametrize("cells", [["a", "b"], ["2026-01-01"], ["10:30"], ["12345-X"], []])
def test_what_is_no_number_is_none(cells: list[str]) -> None:
    assert number_format(pl.Series(cells, dtype=pl.String)) is None


@pytest.mark.parametrize("tail", TIMES)
@pytest.mark.parametrize("head", DATE_HEADS)
def test_dates_are_read_as_they_are_meant(head: str, tail: str) -> None:
    moments = [datetime(2025, 11, 3, 9, 5) + timedelta(days=6 * k, hours=k % 12, minutes=7 * k % 60) for k in range(40)]
    moments = [moment if tail else datetime(moment.year, moment.month, moment.day) for moment in moments]
    cells = [moment.strftime(head + tail) for moment in moments]
    written = time_format(pl.Series(cells), TODAY)
    assert written is not None
    assert not written.is_ambiguous
    assert read_back("ordered_at", written.sql('"cell"'), cells) == moments


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["2026-01-05", "2026-01-06"], datetime(2026, 1, 5)),
        (["1767607200", "1767607201"], datetime(2026, 1, 5, 10)),
        (["1767607200000"], datetime(2026, 1, 5, 10)),
        (["46027.4166666667", "46028.25"], datetime(2026, 1, 5, 10)),
    ],
)
def test_iso_dates_and_counts_of_time_are_read(cells: list[str], expected: datetime) -> None:
    written = time_format(pl.Series(cells), TODAY)
    assert written is not None
    [first, *_] = read_back("ordered_at", written.sql('"cell"'), cells)
    assert isinstance(first, datetime)
    assert abs(first - expected) < timedelta(seconds=1)


def test_day_and_month_are_told_apart_by_the_order_of_rows_and_by_the_future() -> None:
    in_order = pl.Series(["02/01/2026", "03/01/2026", "01/02/2026", "04/02/2026", "01/03/2026"])
    written = time_format(in_order, TODAY, prefers_day_first=False)
    assert written is not None
    assert (written.formats, written.is_ambiguous) == (("%d/%m/%Y",), False)
    written = time_format(pl.Series(["11/12/2026", "10/12/2026"]), datetime(2026, 11, 20))  # 11 December would be in the future
    assert written is not None
    assert written.formats == ("%m/%d/%Y",)


def test_dates_that_fit_both_orders_are_said_to_be_ambiguous() -> None:
    written = time_format(pl.Series(["05/05/2026", "06/06/2026"]), TODAY)
    assert written is not None
    assert written.is_ambiguous


def test_a_column_in_two_formats_gets_both() -> None:
    cells = ["13.01.2026", "14.01.2026 10:30", "25.01.2026", "26.01.2026 11:45"] * 5
    written = time_format(pl.Series(cells), TODAY)
    assert written is not None
    assert read_back("ordered_at", written.sql('"cell"'), cells)[:2] == [datetime(2026, 1, 13), datetime(2026, 1, 14, 10, 30)]


@pytest.mark.parametrize("cells", [["a"], ["12.5"], ["00042"], []])
def test_what_is_no_date_is_none(cells: list[str]) -> None:
    assert time_format(pl.Series(cells, dtype=pl.String), TODAY) is None


@pytest.mark.parametrize(
    ("cells", "zone"),
    [
        (["2026-01-05 10:00:00 -0500", "2026-07-05 10:00:00 -0400"], "America/New_York"),
        (["2026-01-05T10:00:00+01:00", "2026-07-05T10:00:00+02:00"], "Europe/Berlin"),
        (["2026-01-05 10:00:00 +0900"], "Asia/Tokyo"),
        (["2026-01-05 10:00:00 +0000", "2026-07-05 10:00:00 +0000"], None),
        (["2026-01-05 10:00:00"], None),
        (["2026-01-05 10:00:00 +0413"], None),
    ],
)
def test_the_zone_is_the_one_whose_offsets_the_times_have(cells: list[str], zone: str | None) -> None:
    assert zone_of_offsets(pl.Series(cells)) == zone


def test_zones_have_the_names_of_vendors_or_of_iana() -> None:
    assert zone_of_names(pl.Series(["Pacific Time (US & Canada)"] * 2)) == "America/Los_Angeles"
    assert zone_of_names(pl.Series(["Europe/Vienna", None])) == "Europe/Vienna"
    assert zone_of_names(pl.Series(["Europe/Vienna", "Asia/Tokyo"])) is None
    assert zone_of_names(pl.Series(["nowhere"])) is None
