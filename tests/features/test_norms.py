from collections.abc import Callable
from datetime import date

import polars as pl

from features.norms import Norms, compute_norms
from features.tables.schema import Tables

AS_OF = date(2025, 3, 1)
Make = Callable[..., pl.LazyFrame]


def test_norms_are_averages_of_what_was_known_overall_and_by_word(make_table: Make) -> None:
    lines = [
        ("a", "2025-01-01", 1.0, 2.0, "tea"),
        ("a", "2025-01-02", 1.0, 4.0, "tea"),
        ("b", "2025-01-02", 1.0, 12.0, None),
        ("b", "2025-03-01", 1.0, 99.0, "tea"),
        ("b", "2025-01-03", -1.0, 50.0, "tea"),
    ]
    cases = [
        ("k1", "a", "2025-01-01", "2025-01-03", "delivery"),
        ("k1", "a", "2025-01-01", "2025-01-03", "delivery"),
        ("k2", "b", "2025-01-01", "2025-01-07", "delivery"),
        ("k3", "b", "2025-02-01", "2025-03-02", "billing"),
    ]
    norms = compute_norms(
        Tables(
            make_table("transactions", "customer_id ordered_at amount unit_price category", lines),
            complaints=make_table("complaints", "complaint_id customer_id opened_at resolved_at topic", cases),
        ),
        AS_OF,
    )
    assert norms == Norms(AS_OF, 4.0, 6.0, {"delivery": 4.0}, {"tea": 3.0})
    assert Norms.from_json(norms.to_json()) == norms


def test_no_data_and_an_average_of_zero_give_no_norm(make_table: Make, orders: Make) -> None:
    cases = make_table("complaints", "complaint_id customer_id opened_at resolved_at", [("k", "a", "2025-01-01", "2025-01-01")])
    lines = orders([("a", "2025-01-01", 1.0)])
    assert compute_norms(Tables(lines), AS_OF) == compute_norms(Tables(lines, complaints=cases), AS_OF) == Norms(AS_OF)


def test_norms_need_no_optional_column(make_table: Make) -> None:
    lines = make_table("transactions", "customer_id ordered_at amount unit_price", [("a", "2025-01-01", 1.0, 5.0)])
    cases = make_table("complaints", "complaint_id customer_id opened_at resolved_at", [("k", "a", "2025-01-01", "2025-01-03")])
    assert compute_norms(Tables(lines, complaints=cases), AS_OF) == Norms(AS_OF, 2.0, 5.0)
