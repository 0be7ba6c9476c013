from collections.abc import Callable
from datetime import date, datetime

import polars as pl

from features.point_in_time import known_before
from features.tables.schema import Tables

Make = Callable[[str, str, list[tuple[object, ...]]], pl.LazyFrame]
AS_OF = date(2025, 3, 1)


def test_rows_are_known_from_their_own_date_exclusive(orders: Callable[..., pl.LazyFrame]) -> None:
    lines = orders([("a", "2025-02-28T23:59:59", 1.0), ("b", "2025-03-01T00:00:00", 1.0)])
    assert known_before(Tables(lines), AS_OF).transactions.collect()["customer_id"].to_list() == ["a"]


def test_rows_that_were_ingested_later_are_not_known(orders: Callable[..., pl.LazyFrame]) -> None:
    lines = orders(
        [("a", "2025-01-01", 1.0, "2025-03-01"), ("b", "2025-01-01", 1.0, "2025-01-02"), ("c", "2025-01-01", 1.0, None)],
        "ingested_at",
    )
    assert known_before(Tables(lines), AS_OF).transactions.collect()["customer_id"].to_list() == ["b", "c"]


def test_a_case_resolved_later_is_still_open(orders: Callable[..., pl.LazyFrame], make_table: Make) -> None:
    header = "complaint_id customer_id opened_at resolved_at contacts_to_resolve satisfied"
    cases = make_table(
        "complaints",
        header,
        [
            ("k1", "a", "2025-02-01", "2025-02-10", 2, True),
            ("k2", "a", "2025-02-01", "2025-03-01", 3, False),
            ("k3", "a", "2025-02-01", None, 9, True),
        ],
    )
    known = known_before(Tables(orders([]), complaints=cases), AS_OF).complaints
    assert known is not None
    assert known.collect().select("resolved_at", "contacts_to_resolve", "satisfied").rows() == [
        (datetime(2025, 2, 10), 2, True),
        (None, None, None),
        (None, None, None),
    ]


def test_an_outcome_without_a_date_was_never_known_in_time(orders: Callable[..., pl.LazyFrame], make_table: Make) -> None:
    cases = make_table("complaints", "complaint_id customer_id opened_at satisfied", [("k1", "a", "2025-02-01", True)])
    known = known_before(Tables(orders([]), complaints=cases), AS_OF).complaints
    assert known is not None
    assert known.collect()["satisfied"].to_list() == [None]


def test_current_state_is_dropped_and_customers_without_a_date_were_always_known(
    orders: Callable[..., pl.LazyFrame], make_table: Make
) -> None:
    customers = make_table(
        "customers",
        "customer_id joined_at region partner marketing_consent",
        [("a", None, "north", True, True), ("b", "2025-03-01", "north", True, True)],
    )
    known = known_before(Tables(orders([]), customers=customers), AS_OF).customers
    assert known is not None
    assert known.collect().to_dicts() == [{"customer_id": "a", "joined_at": None, "region": "north"}]
