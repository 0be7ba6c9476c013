from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest

from features.build import build_features
from features.tables.schema import Tables
from settings.sections import Loyalty

Make = Callable[[str, str, list[tuple[object, ...]]], pl.LazyFrame]
AS_OF = date(2025, 3, 1)

ANSWERS = [
    ("anna", "2025-01-01", 5, "reliability", 4),
    ("anna", "2025-02-01", 4, "empathy", 5),
    ("anna", "2025-02-20", 2, "reliability", 5),
    ("anna", "2025-03-01", 1, "reliability", 5),
    ("bert", "2024-03-01", 4, None, None),
]
CONTACTS = [
    ("anna", "2025-01-05", "k1", "email", True, "2025-01-06"),
    ("anna", "2025-02-05", "k2", "phone", None, None),
    ("anna", "2025-02-15", "k3", "email", True, "2025-03-02"),
    ("anna", "2025-02-16", "k4", "email", False, "2025-02-17"),
    ("bert", "2024-12-01", "k1", "email", False, None),
]
LINES = [
    ("anna", "2024-12-24", 7.0, "south", "online"),
    ("anna", "2025-01-10", 10.0, "north", "online"),
    ("anna", "2025-02-10", 20.0, "north", "store"),
    ("bert", "2025-01-01", 5.0, None, None),
]


@pytest.fixture
def customers(make_table: Make) -> dict[str, dict[str, Any]]:
    tables = Tables(
        make_table("transactions", "customer_id ordered_at amount region channel", LINES),
        surveys=make_table("surveys", "customer_id answered_at rating dimension expectation", ANSWERS),
        contacts=make_table("contacts", "customer_id contacted_at campaign_id channel treated responded_at", CONTACTS),
        customers=make_table("customers", "customer_id joined_at region", [("bert", "2024-01-01", "west")]),
    )
    return {row["customer_id"]: row for row in build_features(tables, AS_OF, 365, Loyalty()).to_dicts()}


def values(row: dict[str, Any], *names: str) -> list[Any]:
    return [row[name] for name in names]


def test_ratings_by_time_expectation_and_dimension(customers: dict[str, dict[str, Any]]) -> None:
    anna = customers["anna"]
    assert values(anna, "surveys", "last_survey_days", "last_rating") == [3, 9, 2]
    assert values(anna, "mean_rating", "rating_change", "expectation_gap") == pytest.approx([11 / 3, 2 - 4.5, -1])
    assert values(anna, "completely_satisfied_share", "merely_satisfied_share") == pytest.approx([1 / 3, 1 / 3])
    assert values(anna, "rating_reliability", "rating_empathy", "rating_tangibles") == [3.5, 4, None]
    assert values(customers["bert"], "surveys", "rating_change", "expectation_gap", "last_survey_days") == [1, None, None, 365]


def test_held_out_rows_are_not_contacts_and_a_response_counts_once_it_is_known(customers: dict[str, dict[str, Any]]) -> None:
    anna = customers["anna"]
    assert values(anna, "contacts", "contacts_90", "last_contact_days") == [3, 3, 14]
    assert values(anna, "response_rate", "unanswered_contacts") == [pytest.approx(1 / 3), 2]
    assert values(anna, "best_channel", "best_channel_rate") == ["email", 0.5]
    assert anna["spend_after_contact"] == pytest.approx((10 + 20 + 0) / 3)
    assert values(customers["bert"], "contacts", "response_rate", "spend_after_contact") == [0, None, None]


def test_context_prefers_sale_lines_over_the_customer_record(customers: dict[str, dict[str, Any]]) -> None:
    assert values(customers["anna"], "region", "channel", "first_month", "as_of_month") == ["north", "online", 12, 3]
    assert values(customers["bert"], "region", "channel", "cohort") == ["west", None, 2025 * 12]


def test_absent_tables_give_nulls_never_zeros(orders: Callable[..., pl.LazyFrame]) -> None:
    row = build_features(Tables(orders([("anna", "2025-01-01", 1.0)])), AS_OF, 365, Loyalty()).row(0, named=True)
    assert values(row, "surveys", "mean_rating", "contacts", "response_rate", "region") == [None] * 5
