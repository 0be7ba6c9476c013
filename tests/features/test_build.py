"""Five customers by hand: a specification of the feature table that can be read."""

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.build import FEATURES, build_features
from features.tables.schema import Tables
from settings.sections import Loyalty

Make = Callable[[str, str, list[tuple[object, ...]]], pl.LazyFrame]
AS_OF = date(2025, 3, 1)

LINES = [
    # anna: three days with a purchase, two lines and a return on one of them
    ("anna", "2025-01-01T10:00", 10.0, 1.0, "p1", "A", "tea"),
    ("anna", "2025-01-11T09:00", 20.0, 2.0, "p1", "A", "tea"),
    ("anna", "2025-01-11T18:00", 5.0, 1.0, "p2", "B", "tea"),
    ("anna", "2025-01-11T19:00", -4.0, -1.0, "p1", "A", "tea"),
    ("anna", "2025-02-10T10:00", 30.0, 1.0, "p3", "A", "tea"),
    # bert: one purchase, worth nothing
    ("bert", "2025-02-28T10:00", 0.0, 1.0, "p1", "A", "tea"),
    # carl: only a return
    ("carl", "2025-02-01T10:00", -7.0, -1.0, "p1", "A", "tea"),
    # dora: bought long ago, returned something lately
    ("dora", "2023-01-01T10:00", 50.0, 1.0, "p1", "A", "tea"),
    ("dora", "2025-02-20T10:00", -20.0, -1.0, "p1", "A", "tea"),
]
CASES = [
    ("k1", "anna", "2025-01-12", "2025-01-15", True),
    ("k2", "anna", "2025-02-17", None, None),
    ("k3", "eva", "2024-01-01", "2024-02-01", False),
]


@pytest.fixture
def customers(make_table: Make) -> dict[str, dict[str, Any]]:
    tables = Tables(
        make_table("transactions", "customer_id ordered_at amount quantity product_id brand category", LINES),
        complaints=make_table("complaints", "complaint_id customer_id opened_at resolved_at satisfied", CASES),
        customers=make_table("customers", "customer_id joined_at referred_by", [("fred", "2025-02-01", "anna")]),
    )
    return {row["customer_id"]: row for row in build_features(tables, AS_OF, 365, Loyalty()).to_dicts()}


def of(row: dict[str, Any], *names: str) -> list[Any]:
    return [row[name] for name in names]


def test_everybody_known_has_one_row_and_every_feature(customers: dict[str, dict[str, Any]]) -> None:
    assert list(customers) == ["anna", "bert", "carl", "dora", "eva", "fred"]
    assert list(customers["anna"]) == ["customer_id", "as_of", *(feature.name for feature in FEATURES)]


def test_recency_counts_days_with_a_purchase(customers: dict[str, dict[str, Any]]) -> None:
    names = ("orders", "frequency", "recency", "T", "recency_days")
    assert of(customers["anna"], *names) == [3, 2, 40, 59, 19]
    assert of(customers["bert"], *names) == [1, 0, 0, 1, 1]
    assert of(customers["carl"], *names) == [0, None, None, None, None]
    assert of(customers["dora"], *names) == [1, 0, 0, 790, 790]
    assert of(customers["fred"], *names) == [0, None, None, None, None]


def test_cadence_compares_silence_with_the_usual_gap(customers: dict[str, dict[str, Any]]) -> None:
    assert of(customers["anna"], "gap_median", "gap_mean", "gap_last", "overdue_ratio") == [20, 20, 30, 19 / 20]
    assert customers["anna"]["gap_std"] == pytest.approx(200**0.5)
    assert of(customers["bert"], "gap_median", "gap_std", "overdue_ratio") == [None, None, None]


def test_returns_net_against_spend_and_are_no_purchase(customers: dict[str, dict[str, Any]]) -> None:
    names = ("historic_value", "mean_order_value", "monetary_value")
    assert of(customers["anna"], *names) == [61, pytest.approx(61 / 3), pytest.approx(51 / 2)]
    assert of(customers["bert"], *names) == [0, 0, None]
    assert of(customers["carl"], *names) == [-7, None, None]
    assert of(customers["dora"], *names) == [30, 30, None]
    assert customers["anna"]["return_share"] == pytest.approx(4 / 65)
    assert customers["dora"]["return_share"] == pytest.approx(20 / 50)


def test_windows_end_before_the_as_of_date(customers: dict[str, dict[str, Any]]) -> None:
    assert of(customers["anna"], "orders_30", "orders_90", "spend_30", "spend_90", "spend_365") == [1, 3, 30, 61, 61]
    assert customers["anna"]["spend_trend"] == pytest.approx(4)
    assert of(customers["dora"], "orders_365", "spend_30", "spend_365") == [0, -20, -20]


def test_breadth(customers: dict[str, dict[str, Any]]) -> None:
    assert of(customers["anna"], "products", "brands", "categories") == [3, 2, 1]
    assert customers["anna"]["lines_per_order"] == pytest.approx(4 / 3)


def test_complaints_are_zero_for_a_customer_without_and_open_until_known_to_be_resolved(
    customers: dict[str, dict[str, Any]],
) -> None:
    assert of(customers["anna"], "complaints", "open_complaints", "open_complaint_days", "last_settled_satisfied") == [
        2,
        1,
        12,
        1,
    ]
    assert of(customers["eva"], "complaints", "complaints_365", "unsatisfied_complaints") == [1, 0, 1]
    assert of(customers["bert"], "complaints", "open_complaints", "last_complaint_days") == [0, 0, None]


def test_how_cases_were_settled(make_table: Make) -> None:
    cases = [
        ("k1", "anna", "2025-01-01", "2025-01-03", 1, "delivery"),
        ("k2", "anna", "2025-01-11", "2025-01-15", 3, "delivery"),
        ("k3", "anna", "2025-02-01", None, None, "billing"),
    ]
    tables = Tables(
        make_table("transactions", "customer_id ordered_at amount", [("anna", "2025-01-01", 1.0)]),
        complaints=make_table("complaints", "complaint_id customer_id opened_at resolved_at contacts_to_resolve topic", cases),
    )
    row = build_features(tables, AS_OF, 365, Loyalty()).row(0, named=True)
    assert of(row, "resolution_days", "contacts_to_resolve", "first_contact_share", "repeated_topics") == [3, 2, 0.5, 1]


def test_rhythm_habits_and_spread(make_table: Make) -> None:
    days = ["2024-01-01", "2024-03-20", "2024-12-02", "2025-01-06", "2025-01-13", "2025-01-20"]
    lines = [
        ("anna", day, 10.0 * place, 2.0, 5.0, 0.1 if place == 2 else 0.0, brand)
        for place, (day, brand) in enumerate(zip(days, "AABBAC", strict=True), 1)
    ]
    tables = Tables(make_table("transactions", "customer_id ordered_at amount quantity unit_price discount brand", lines))
    row = build_features(tables, AS_OF, 365, Loyalty()).row(0, named=True)
    gaps = [79, 257, 35, 7, 7]
    assert row["gap_trend"] == pytest.approx((35 + 7 + 7) / 3 / (sum(gaps) / 5))
    assert row["gap_rank"] == pytest.approx(3 / 5)
    assert row["weekday_share"] == pytest.approx(5 / 6)
    assert of(row, "spend_season", "largest_order") == [20, 60]
    assert of(row, "items_per_order", "mean_unit_price", "discount_share") == [2, 5, pytest.approx(1 / 6)]
    assert row["switch_rate"] == pytest.approx(3 / 5)
    shares = np.array([3, 2, 1]) / 6
    assert row["brand_entropy"] == pytest.approx(-(shares * np.log(shares)).sum())


def test_status_and_stage(customers: dict[str, dict[str, Any]]) -> None:
    found = {name: (row["status"], row["lifecycle_stage"]) for name, row in customers.items()}
    assert found == {
        "anna": ("existing", "advocate"),
        "bert": ("existing", "first_time"),
        "carl": ("prospect", "prospect"),
        "dora": ("former", "inactive"),
        "eva": ("prospect", "prospect"),
        "fred": ("prospect", "prospect"),
    }


def test_one_symbol_per_occasion_and_category_the_unit_with_the_largest_net_spend(customers: dict[str, dict[str, Any]]) -> None:
    assert of(customers["anna"], "loyalty_segment", "favourite_brand", "favourite_share_recent") == ["undetermined", "A", 1]
    assert of(customers["carl"], "loyalty_segment", "p_split") == ["undetermined", None]


def test_features_of_an_absent_table_are_null_never_zero(orders: Callable[..., pl.LazyFrame]) -> None:
    row = build_features(Tables(orders([("anna", "2025-01-01", 1.0)])), AS_OF, 365, Loyalty()).row(0, named=True)
    assert of(row, "complaints", "open_complaints", "referrals", "brands", "p_hard_core") == [None] * 5
    assert row["loyalty_segment"] == "undetermined"


def test_the_last_day_of_the_activity_window_still_counts(orders: Callable[..., pl.LazyFrame]) -> None:
    lines = orders([("in", "2024-03-01", 1.0), ("out", "2024-02-29", 1.0)])
    rows = build_features(Tables(lines), AS_OF, 365, Loyalty()).select("customer_id", "status").rows()
    assert rows == [("in", "existing"), ("out", "former")]
