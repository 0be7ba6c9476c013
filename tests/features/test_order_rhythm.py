"""The default as-of date follows the rhythm of the orders, not a few misdated ones."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.as_of import resolve_as_of
from features.order_rhythm import order_rhythm

START = date(2025, 1, 1)
Orders = Callable[..., pl.LazyFrame]


def lines(*days: date) -> pl.LazyFrame:
    return pl.LazyFrame({"ordered_at": [datetime(day.year, day.month, day.day, 12) for day in days]})


def every(step: int, count: int, start: date = START) -> list[date]:
    return [start + timedelta(days=step * index) for index in range(count)]


@pytest.mark.parametrize("step", [1, 7])
@pytest.mark.parametrize("ahead", [90, 200, 2_000])
@pytest.mark.parametrize("misdated", [1, 2])
def test_orders_dated_long_after_the_others_do_not_move_the_default(step: int, ahead: int, misdated: int) -> None:
    regular = every(step, 60)
    late = [regular[-1] + timedelta(days=ahead + 40 * index) for index in range(misdated)]
    rhythm = order_rhythm(lines(*regular, *late))
    assert (rhythm.last_regular, rhythm.irregular_lines, rhythm.last) == (regular[-1], misdated, late[-1])
    assert resolve_as_of(rhythm, None, date(2040, 1, 1)) == regular[-1] + timedelta(days=1)
    note = rhythm.note
    assert note is not None
    assert note.startswith(f"{misdated} order line{'s are' if misdated > 1 else ' is'} dated after {regular[-1]}")


def test_a_shop_that_reopens_after_months_is_regular_again_after_a_few_days() -> None:
    before, after = every(1, 100), every(1, 5, START + timedelta(days=200))
    assert order_rhythm(lines(*before, *after[:2])).last_regular == before[-1]
    assert order_rhythm(lines(*before, *after)).last_regular == after[-1]


def test_a_few_scattered_days_count_where_orders_are_always_rare() -> None:
    rhythm = order_rhythm(lines(*every(40, 12)))
    assert (rhythm.last_regular, rhythm.note) == (every(40, 12)[-1], None)


def test_an_as_of_date_is_ahead_beyond_the_usual_gaps_only() -> None:
    rhythm = order_rhythm(lines(*every(1, 60)))
    last = every(1, 60)[-1]
    assert rhythm.days_ahead(last + timedelta(days=1)) == 0
    assert rhythm.days_ahead(last + timedelta(days=1 + rhythm.allowed_gap)) == 0
    assert rhythm.days_ahead(last + timedelta(days=31)) == 30 - rhythm.allowed_gap


@given(days=st.lists(st.integers(0, 3_000), min_size=1, max_size=40))
def test_the_last_regular_day_is_a_day_with_orders_and_the_lines_after_it_are_counted(days: list[int]) -> None:
    dated = [START + timedelta(days=day) for day in days]
    rhythm = order_rhythm(lines(*dated))
    assert rhythm.last_regular in dated
    assert rhythm.irregular_lines == sum(day > rhythm.last_regular for day in dated)
    assert (rhythm.note is None) == (rhythm.last_regular == max(dated))
