"""Measures of a load against the accepted one, by hand on small profiles."""

from datetime import date, timedelta

import polars as pl
import pytest

from expectations.history.accepted import Links
from expectations.measures.load_amounts import amount_measures
from expectations.measures.load_links import count_links, link_changes
from expectations.measures.load_orders import count_changes
from expectations.measures.load_rows import lost_history, month_measures, share_measures
from expectations.measures.load_window import Window, load_window

DAY = date(2025, 1, 1)
WINDOW = Window(DAY, DAY + timedelta(days=100), DAY, DAY + timedelta(days=107), settling_days=14, load_day="2025-05-01")
Unit = tuple[int, int, int, float]


def units(rows: list[Unit]) -> pl.LazyFrame:
    """Orders as (order, customer, day, net)."""
    frame = pl.LazyFrame(rows, schema=["order", "customer", "day", "net"], orient="row")
    return frame.with_columns((pl.lit(DAY) + pl.duration(days="day")).alias("day"))


def daily(rows: list[tuple[str, str, int, float, float]]) -> pl.DataFrame:
    """Days as (group, value, day, typical amount of each of 30 sales, returns)."""
    return pl.DataFrame(
        [(group, value, DAY + timedelta(days=day), 30, 30 * amount, -returns, 30) for group, value, day, amount, returns in rows],
        schema=["group", "value", "day", "rows", "sales", "returns", "positive"],
        orient="row",
    ).with_columns((pl.col("positive") * (pl.col("sales") / pl.col("positive")).log()).alias("log_sum"))


def test_an_order_is_kept_restated_reassigned_moved_or_gone() -> None:
    before = [(1, 1, 0, 10.0), (2, 1, 0, 20.0), (3, 2, 1, 30.0), (4, 2, 1, 40.0), (5, 3, 2, 50.0), (6, 3, 95, 60.0)]
    now = [(1, 1, 0, 10.004), (2, 1, 0, 40.0), (3, 9, 1, 30.0), (4, 2, 5, 40.0), (7, 3, 2, 70.0)]
    changes = count_changes(units(before), units(now), WINDOW)
    actual = {row["change"]: (row["orders"], row["net"], row["net_now"]) for row in changes.iter_rows(named=True)}
    assert actual == {
        "kept": (1, 10, 10.004),
        "restated": (1, 20, 40),
        "reassigned": (1, 30, 0),
        "moved": (1, 40, 0),
        "gone": (1, 50, 0),
    }


def test_a_till_that_reuses_its_order_numbers_restates_nothing() -> None:
    reused = [(17, customer, day, 5.0) for day, customer in enumerate([1, 2, 3])]
    changes = count_changes(units(reused), units([*reused, (17, 4, 3, 8.0)]), WINDOW)
    assert changes.select("change", "orders").rows() == [("kept", 3)]


def test_single_rows_far_from_all_others_do_not_move_the_ends_of_a_load() -> None:
    days = pl.DataFrame(
        {
            "group": "all",
            "day": [date(1999, 1, 1), *(DAY + timedelta(days=day) for day in range(100))],
            "rows": [1, *[20] * 100],
        }
    )
    window = load_window(days, days, 14, "")
    assert window is not None
    assert (window.first, window.settled) == (DAY, DAY + timedelta(days=85))


@pytest.mark.parametrize(
    ("first", "last", "lost", "share"),
    [
        pytest.param(7, 107, 10, 0, id="the newest 100 days, a week later"),
        pytest.param(28, 128, 30, 0, id="the newest 100 days, a month later"),
        pytest.param(50, 107, 45, 0.45, id="half of the days"),
        pytest.param(100, 200, 99, 0.99, id="other days altogether"),
    ],
)
def test_days_that_move_on_are_no_lost_history(first: int, last: int, lost: int, share: float) -> None:
    ends = (DAY, DAY + timedelta(days=100), DAY + timedelta(days=first), DAY + timedelta(days=last))
    assert lost_history(Window(*ends, settling_days=14, load_day=""), lost, 100, "orders").value == share


def test_a_store_whose_rows_became_part_of_another_is_no_error_of_money() -> None:
    split = [("all", "", 1, 20.0, 0.0), ("all", "", 2, 20.0, 0.0), ("store", "a", 1, 20.0, 0.0), ("store", "b", 2, 20.0, 0.0)]
    merged = [*split[:3], ("store", "a", 2, 20.0, 0.0)]
    actual = amount_measures(daily(split), daily(merged), WINDOW)
    assert actual["period_totals"].value == 1
    doubled = [("all", "", 1, 20.0, 0.0), ("all", "", 2, 40.0, 0.0), split[2], ("store", "b", 2, 40.0, 0.0)]
    actual = amount_measures(daily(split), daily(doubled), WINDOW)
    assert (actual["typical_amount"].value, actual["period_totals"].value) == (2, 2)
    assert actual["period_totals"].detail.startswith(
        "sales of store b from 2025-01-01 to 2025-03-28 went from 600.00 to 1,200.00"
    )


def test_missing_returns_change_the_totals() -> None:
    actual = amount_measures(daily([("all", "", 1, 20.0, 90.0)]), daily([("all", "", 1, 20.0, 0.0)]), WINDOW)["period_totals"]
    assert actual.value == pytest.approx((90 + 12) / 12, abs=0.01)
    assert actual.detail.startswith("returns from 2025-01-01 to 2025-03-28 went from 90.00 to 0.00")


def test_a_new_file_is_compared_with_the_nearest_of_the_files_before() -> None:
    before = daily([("file", "a", 1, 10.0, 0.0), ("file", "b", 1, 40.0, 0.0)])
    within = amount_measures(before, daily([("file", "c", 1, 25.0, 0.0)]), WINDOW)["new_amounts"]
    beyond = amount_measures(before, daily([("file", "d", 1, 4_000.0, 0.0)]), WINDOW)["new_amounts"]
    assert within.value == 1
    assert beyond.value == pytest.approx(100, rel=0.01)
    assert beyond.detail.startswith("typical amount of file d went from 40.00 to 4,000.00")


def test_a_month_that_lost_most_of_its_rows_is_named() -> None:
    before = daily([("all", "", 0, 1.0, 0.0), ("all", "", 31, 1.0, 0.0), ("all", "", 60, 1.0, 0.0)])
    now = before.filter(pl.col("day").dt.month() != 2)
    assert month_measures(before, now, WINDOW)["gone_periods"].value == 1
    assert month_measures(before, now, WINDOW)["gone_periods"].detail == "2025-02 from 30 rows to 0 since the load of 2025-05-01"


def test_links_count_customers_and_new_rows_that_the_orders_know() -> None:
    surveys = pl.LazyFrame({"customer_id": ["a", "a", "b", "x"], "day": [1, 9, 9, 9]})
    orders = pl.LazyFrame({"customer_id": ["a", "a", "b", "c"]})
    expected = Links("load", ids=3, known_ids=2, rows=4, known_rows=3, new_rows=3, new_known_rows=2)
    assert count_links(surveys, orders, "load", pl.col("day") > 5) == expected


@pytest.mark.parametrize(
    ("now", "lost"),
    [
        pytest.param((100, 90), 0, id="the same customers"),
        pytest.param((300, 90), 0, id="many who never ordered"),
        pytest.param((50, 45), 0, id="half of the rows gone"),
        pytest.param((100, 45), 0.5, id="half of the ids renamed"),
        pytest.param((100, 0), 1, id="all ids renamed"),
        pytest.param((0, 0), 1, id="no rows"),
    ],
)
def test_links_are_lost_where_fewer_customers_and_a_smaller_share_are_known(now: tuple[int, int], lost: float) -> None:
    before = Links("", ids=100, known_ids=90, rows=100, known_rows=90)
    links = Links("", ids=now[0], known_ids=now[1], rows=now[0], known_rows=now[1])
    assert link_changes(before, links, "")["lost_links"].value == pytest.approx(lost)


def test_a_year_that_lost_more_than_the_others_is_named_where_the_share_may_stop_the_table() -> None:
    months = pl.DataFrame({"month": ["2024-05", "2024-06", "2025-01"], "rows": [100, 100, 800], "affected": [30, 20, 0]})
    actual = share_measures("gone_orders", months, WINDOW, 100, "orders")
    assert (actual["gone_orders"].value, actual["many_gone_orders"].value) == (0.05, 0.25)
    assert actual["many_gone_orders"].detail == "50 of 200 orders in 2024 in the load of 2025-05-01"
    assert share_measures("gone_orders", months, WINDOW, 201, "orders")["many_gone_orders"].value == 0.05
