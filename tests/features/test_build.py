"""Customers with features computed by hand: a readable specification of the feature table."""

import doctest
import math
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from features import build
from features.build import FEATURES, build_features, features_as_of
from features.frames.encoded import encode_tables
from features.norms import compute_norms
from features.tables.schema import Tables
from settings.sections import Loyalty

Make = Callable[[str, str, list[tuple[object, ...]]], pl.LazyFrame]
Anna = Callable[..., dict[str, Any]]
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


def values(row: dict[str, Any], *names: str) -> list[Any]:
    return [row[name] for name in names]


def test_the_example_of_build_features_runs_as_written() -> None:
    failed, attempted = doctest.testmod(build)
    assert failed == 0
    assert attempted > 0


def test_every_known_customer_has_one_row_and_every_feature(customers: dict[str, dict[str, Any]]) -> None:
    assert list(customers) == ["anna", "bert", "carl", "dora", "eva", "fred"]
    assert list(customers["anna"]) == ["customer_id", "as_of", *(feature.name for feature in FEATURES)]


def test_recency_counts_days_with_a_purchase(customers: dict[str, dict[str, Any]]) -> None:
    names = ("orders", "frequency", "recency", "T", "recency_days")
    assert values(customers["anna"], *names) == [3, 2, 40, 59, 19]
    assert values(customers["bert"], *names) == [1, 0, 0, 1, 1]
    assert values(customers["carl"], *names) == [0, None, None, None, None]
    assert values(customers["dora"], *names) == [1, 0, 0, 790, 790]
    assert values(customers["fred"], *names) == [0, None, None, None, None]


def test_cadence_compares_the_silence_with_the_median_gap(customers: dict[str, dict[str, Any]]) -> None:
    assert values(customers["anna"], "gap_median", "gap_mean", "gap_last", "overdue_ratio") == [20, 20, 30, 19 / 20]
    assert customers["anna"]["gap_std"] == pytest.approx(200**0.5)
    assert values(customers["bert"], "gap_median", "gap_std", "overdue_ratio") == [None, None, None]


def test_returns_net_against_spend_and_are_not_purchases(customers: dict[str, dict[str, Any]]) -> None:
    names = ("historic_value", "mean_order_value", "monetary_value")
    assert values(customers["anna"], *names) == [61, pytest.approx(61 / 3), pytest.approx(51 / 2)]
    assert values(customers["bert"], *names) == [0, 0, None]
    assert values(customers["carl"], *names) == [-7, None, None]
    assert values(customers["dora"], *names) == [30, 30, None]
    assert customers["anna"]["return_share"] == pytest.approx(4 / 65)
    assert customers["dora"]["return_share"] == pytest.approx(20 / 50)


def test_windows_end_before_the_as_of_date(customers: dict[str, dict[str, Any]]) -> None:
    assert values(customers["anna"], "orders_30", "orders_90", "spend_30", "spend_90", "spend_365") == [1, 3, 30, 61, 61]
    assert customers["anna"]["spend_trend"] == pytest.approx(4)
    assert values(customers["dora"], "orders_365", "spend_30", "spend_365") == [0, -20, -20]


def test_breadth(customers: dict[str, dict[str, Any]]) -> None:
    assert values(customers["anna"], "products", "brands", "categories") == [3, 2, 1]
    assert customers["anna"]["lines_per_order"] == pytest.approx(4 / 3)


def test_complaints_are_zero_for_a_customer_without_and_open_until_known_to_be_resolved(
    customers: dict[str, dict[str, Any]],
) -> None:
    assert values(customers["anna"], "complaints", "open_complaints", "open_complaint_days", "last_settled_satisfied") == [
        2,
        1,
        12,
        1,
    ]
    assert values(customers["eva"], "complaints", "complaints_365", "unsatisfied_complaints") == [1, 0, 1]
    assert values(customers["bert"], "complaints", "open_complaints", "last_complaint_days") == [0, 0, None]


def test_resolution_of_complaints(make_table: Make) -> None:
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
    assert values(row, "resolution_days", "contacts_to_resolve", "first_contact_share", "repeated_topics") == [3, 2, 0.5, 1]


def test_rhythm_habits_and_variation(make_table: Make) -> None:
    days = ["2024-01-01", "2024-03-20", "2024-12-02", "2025-01-06", "2025-01-13", "2025-01-20"]
    lines = [
        ("anna", day, 10.0 * number, 2.0, 5.0, 0.1 if number == 2 else 0.0, brand)
        for number, (day, brand) in enumerate(zip(days, "AABBAC", strict=True), 1)
    ]
    tables = Tables(make_table("transactions", "customer_id ordered_at amount quantity unit_price discount brand", lines))
    row = build_features(tables, AS_OF, 365, Loyalty()).row(0, named=True)
    gaps = [79, 257, 35, 7, 7]
    assert row["gap_trend"] == pytest.approx((35 + 7 + 7) / 3 / (sum(gaps) / 5))
    assert row["gap_rank"] == pytest.approx(3 / 5)
    assert row["weekday_share"] == pytest.approx(5 / 6)
    assert values(row, "spend_season", "largest_order") == [20, 60]
    assert values(row, "items_per_order", "mean_unit_price", "discount_share") == [2, 5, pytest.approx(1 / 6)]
    assert row["switch_rate"] == pytest.approx(3 / 5)
    shares = np.array([3, 2, 1]) / 6
    assert row["brand_entropy"] == pytest.approx(-(shares * np.log(shares)).sum())


def test_status_and_stage(customers: dict[str, dict[str, Any]]) -> None:
    actual = {name: (row["status"], row["lifecycle_stage"]) for name, row in customers.items()}
    assert actual == {
        "anna": ("existing", "advocate"),
        "bert": ("existing", "first_time"),
        "carl": ("prospect", "prospect"),
        "dora": ("former", "inactive"),
        "eva": ("prospect", "prospect"),
        "fred": ("prospect", "prospect"),
    }


def test_one_symbol_per_occasion_and_category_the_unit_with_the_largest_net_spend(customers: dict[str, dict[str, Any]]) -> None:
    assert values(customers["anna"], "loyalty_segment", "favourite_brand", "favourite_share_recent") == ["undetermined", "A", 1]
    assert values(customers["carl"], "loyalty_segment", "p_split") == ["undetermined", None]


def test_features_of_an_absent_table_are_null_never_zero(orders: Callable[..., pl.LazyFrame]) -> None:
    row = build_features(Tables(orders([("anna", "2025-01-01", 1.0)])), AS_OF, 365, Loyalty()).row(0, named=True)
    assert values(row, "complaints", "open_complaints", "referrals", "brands", "p_hard_core") == [None] * 5
    assert row["loyalty_segment"] == "undetermined"


def test_the_last_day_of_the_activity_window_still_counts(orders: Callable[..., pl.LazyFrame]) -> None:
    lines = orders([("in", "2024-03-01", 1.0), ("out", "2024-02-29", 1.0)])
    rows = build_features(Tables(lines), AS_OF, 365, Loyalty()).select("customer_id", "status").rows()
    assert rows == [("in", "existing"), ("out", "former")]


@pytest.fixture
def anna(make_table: Make) -> Callable[..., dict[str, Any]]:
    """Return the features of anna, from order lines with the columns `header` after customer, time and amount."""

    def build_row(lines: list[tuple[object, ...]], header: str = "", **tables_by_name: pl.LazyFrame) -> dict[str, Any]:
        tables = Tables(make_table("transactions", f"customer_id ordered_at amount {header}", lines), **tables_by_name)
        return build_features(tables, AS_OF, 365, Loyalty()).filter(pl.col("customer_id") == "anna").row(0, named=True)

    return build_row


def test_spend_of_the_last_purchases_and_its_slope(anna: Anna) -> None:
    # 30-day blocks back from 1 March: 0 to 29 days ago, and so on; spend 10, 20, 30, 40 from the oldest to the newest
    days = [AS_OF - timedelta(days=age) for age in (120, 75, 45, 15)]
    row = anna([("anna", day.isoformat(), 10.0 * number) for number, day in enumerate(days, 1)])
    assert row["spend_slope"] == pytest.approx(10)
    assert row["recent_order_value"] == 30
    assert values(row, "orders_30", "orders_90", "orders_180", "spend_180") == [1, 3, 4, 100]


def test_the_coming_season_counts_purchases_of_earlier_years(anna: Anna) -> None:
    row = anna([("anna", day, 1.0) for day in ("2023-04-01", "2023-08-01", "2024-05-01", "2025-01-01")])
    assert row["season_share"] == pytest.approx(2 / 4)


def test_prices_discounts_and_mixes_and_their_changes(anna: Anna) -> None:
    lines = [
        ("anna", "2024-01-01", 4.0, 4.0, 0.0, "p1", "tea", "shop"),
        ("anna", "2024-02-01", 6.0, 6.0, 0.2, "p1", "tea", "shop"),
        ("anna", "2025-01-01", 9.0, 9.0, 0.2, "p2", "tea", "web"),
        ("anna", "2025-02-01", 6.0, 6.0, 0.2, "p1", "soap", "shop"),
        ("bert", "2025-01-01", 1.0, 1.0, 0.0, "p1", "tea", "web"),
    ]
    row = anna(lines, "unit_price discount product_id category channel")
    assert row["price_change"] == pytest.approx(7.5 / 5)
    assert row["price_level"] == pytest.approx((4 + 6 + 9 + 6) / (5 + 5 + 5 + 6))
    assert values(row, "discount_share", "discount_change") == pytest.approx([0.75, 0.5])
    assert values(row, "products", "repeat_share") == [2, 0.5]
    assert values(row, "channels", "channel_share", "channel_change") == [2, 0.75, 0.5]
    assert values(row, "categories", "category_share", "category_change") == [2, 0.75, 0.5]
    assert values(row, "stores", "store_share", "store_change") == [None] * 3


def test_complaint_rates_recovery_and_ratios_to_the_company_norm(anna: Anna, make_table: Make) -> None:
    lines = [("anna", day, 1.0) for day in ("2024-12-01", "2025-01-20", "2025-02-10")] + [("bert", "2025-01-01", 1.0)]
    cases = [
        ("k1", "anna", "2025-01-01", "2025-01-09", True, "delivery"),  # followed by a purchase
        ("k2", "anna", "2025-02-12", "2025-02-14", True, "delivery"),  # not yet
        ("k3", "anna", "2025-02-20", None, None, "billing"),
        ("k4", "bert", "2025-01-01", "2025-01-03", False, "delivery"),
    ]
    complaints = make_table("complaints", "complaint_id customer_id opened_at resolved_at satisfied topic", cases)
    row = anna(lines, complaints=complaints)
    assert values(row, "complaint_rate", "complaint_rate_90", "recovered_complaints") == [1, 1, 1]
    assert row["resolution_ratio"] == pytest.approx((8 + 2) / (4 + 4))  # delivery takes (8 + 2 + 2) / 3 = 4 days
    assert row["open_complaint_ratio"] == pytest.approx(9 / 4)  # no billing complaint was resolved: the overall norm
    assert values(row, "topics", "main_topic", "main_topic_share") == [2, "delivery", pytest.approx(2 / 3)]


def test_silent_decline_is_falling_spend_without_a_complaint(make_table: Make) -> None:
    lines = [(customer, day, 40.0) for customer in ("anna", "bert") for day in ("2024-05-01", "2024-07-01", "2024-09-01")]
    cases = make_table("complaints", "complaint_id customer_id opened_at", [("k1", "bert", "2024-10-01")])
    tables = Tables(make_table("transactions", "customer_id ordered_at amount", lines), complaints=cases)
    features = build_features(tables, AS_OF, 365, Loyalty())
    assert dict(features.select("customer_id", "silent_decline").iter_rows()) == {"anna": 1, "bert": 0}


def test_the_day_of_a_shift_and_the_favourites_before_and_after(anna: Anna) -> None:
    days = [AS_OF - timedelta(days=7 * weeks) for weeks in range(8, 0, -1)]
    lines = [
        ("anna", day.isoformat(), 1.0, brand, category)
        for day, brand in zip(days, "AAAABBBB", strict=True)
        for category in ("tea", "soap")[: 1 + (day == days[0])]
    ]
    row = anna(lines, "brand category")
    assert values(row, "loyalty_segment", "main_category", "main_category_segment") == ["shifting", "tea", "shifting"]
    assert row["shift_days"] == 28
    assert values(row, "favourite_brand", "favourite_brand_before", "favourite_brand_recent") == ["A", "A", "B"]


AWKWARD = {
    "one order": [("anna", "2025-01-01", 1.0, 1.0, "A")],
    "only returns": [("anna", "2025-01-01", -1.0, -1.0, "A"), ("anna", "2025-01-02", -1.0, -1.0, "B")],
    "all on one day": [("anna", "2025-01-01", 1.0, 1.0, "A")] * 5,
    "nothing but free samples": [("anna", "2025-01-01", 0.0, 1.0, "A"), ("anna", "2025-01-03", 0.0, 1.0, "A")],
    "everything returned": [("anna", "2025-01-01", 9.0, 1.0, "A"), ("anna", "2025-01-02", -9.0, -1.0, "A")],
    "ten thousand orders": [
        ("anna", (AS_OF - timedelta(days=1 + age)).isoformat(), 1.0, 1.0, "ABC"[age % 3]) for age in range(10_000)
    ],
    "complaints but no orders": [("bert", "2025-01-01", 1.0, 1.0, "A")],
}


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_customers_get_defined_values(name: str, anna: Anna, make_table: Make) -> None:
    cases = make_table(
        "complaints", "complaint_id customer_id opened_at resolved_at", [("k1", "anna", "2025-01-01", "2025-01-01")]
    )
    row = anna(AWKWARD[name], "quantity brand", complaints=cases)
    numbers = {feature: value for feature, value in row.items() if isinstance(value, float)}
    assert all(math.isfinite(value) for value in numbers.values()), numbers
    assert row["orders"] == {"ten thousand orders": 10_000, "nothing but free samples": 2}.get(
        name, 0 if name in {"only returns", "complaints but no orders"} else 1
    )
    assert values(row, "complaints", "resolution_days", "resolution_ratio") == [1, 0, None]
    if row["orders"]:
        assert sum(values(row, "p_hard_core", "p_split", "p_shifting", "p_switcher")) == pytest.approx(1)


def test_a_customer_who_referred_others_before_being_known_does_not_shift_the_values_of_others(make_table: Make) -> None:
    """On the as-of date, bert is known and has referred no one; carl, who referred anna, becomes known only later."""
    lines = [("anna", "2025-01-01", 1.0), ("bert", "2025-01-02", 1.0), ("carl", "2025-06-01", 1.0), ("dora", "2025-01-01", 1.0)]
    referrals = [("anna", "2025-01-01", "carl"), ("bert", "2025-01-01", "dora"), ("dora", "2025-01-01", "anna")]
    tables = Tables(
        make_table("transactions", "customer_id ordered_at amount", lines),
        customers=make_table("customers", "customer_id joined_at referred_by", referrals),
    )
    features = features_as_of(encode_tables(tables), AS_OF, 365, Loyalty(), compute_norms(tables, AS_OF))
    assert dict(features.select("customer_id", "referrals").iter_rows()) == {"anna": 1, "bert": 0, "dora": 1}
