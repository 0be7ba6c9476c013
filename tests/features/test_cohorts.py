from datetime import date, datetime

import polars as pl
import pytest

from features.cohorts import cohort_period, cohort_retention
from features.tables.schema import Tables

ORDERS = [
    ("a", datetime(2024, 1, 5)),
    ("a", datetime(2024, 2, 9)),
    ("a", datetime(2024, 2, 20)),
    ("b", datetime(2024, 1, 31)),
    ("b", datetime(2024, 4, 1)),
    ("c", datetime(2024, 2, 1)),
    ("d", datetime(2024, 4, 3)),
]


def tables(orders: list[tuple[str, datetime]]) -> Tables:
    rows = pl.DataFrame(orders, schema=["customer_id", "ordered_at"], orient="row")
    lines = rows.with_columns(pl.int_range(pl.len()).cast(pl.String).alias("order_id"), pl.lit(10.0).alias("amount"))
    return Tables(lines.lazy())


def test_retention_by_month_by_hand() -> None:
    retention = cohort_retention(tables(ORDERS), date(2024, 5, 1), "month")
    assert retention.rows() == [
        (date(2024, 1, 1), 2, 1, 0.5),
        (date(2024, 1, 1), 2, 2, 0.0),
        (date(2024, 1, 1), 2, 3, 0.5),
        (date(2024, 2, 1), 1, 1, 0.0),
        (date(2024, 2, 1), 1, 2, 0.0),
    ]


def test_only_periods_that_ended_count() -> None:
    within_april = cohort_retention(tables(ORDERS), date(2024, 4, 30), "month")
    assert within_april["later"].max() == 2
    assert within_april.filter(cohort=date(2024, 1, 1))["bought"].to_list() == [0.5, 0.0]
    assert cohort_retention(tables(ORDERS), date(2024, 7, 1), "quarter").rows() == [
        (date(2024, 1, 1), 3, 1, pytest.approx(1 / 3))
    ]
    assert cohort_retention(tables(ORDERS), date(2024, 1, 20), "month").is_empty()


@pytest.mark.parametrize("period", ["month", "quarter"])
def test_later_orders_change_nothing(period: str) -> None:
    as_of = date(2024, 4, 15)
    later = [("a", datetime(2024, 4, 15)), ("e", datetime(2025, 1, 1))]
    assert cohort_retention(tables([*ORDERS, *later]), as_of, period).equals(cohort_retention(tables(ORDERS), as_of, period))


def test_long_logs_are_shown_by_quarters() -> None:
    assert [cohort_period(days) for days in (90, 547, 548)] == ["month", "month", "quarter"]
