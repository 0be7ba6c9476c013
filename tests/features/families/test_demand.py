from collections.abc import Callable
from datetime import date
from math import log

import polars as pl
import pytest

from features.build import build_features
from features.norms import Norms, compute_norms, with_current_demand
from features.tables.schema import Tables
from settings.sections import Loyalty

AS_OF = date(2025, 3, 1)
Make = Callable[..., pl.LazyFrame]
LINES = [
    ("a", "2024-06-01", 9.0, "tea"),
    ("a", "2025-02-20", 5.0, "cup"),
    ("b", "2025-02-27", 5.0, "tea"),
    ("b", "2025-02-27", 5.0, "cup"),
    ("c", "2025-02-10", 5.0, "tea"),
    ("c", "2025-02-12", -5.0, "tea"),
    ("d", "2024-01-01", 5.0, None),
]


@pytest.fixture
def tables(make_table: Make) -> Tables:
    return Tables(make_table("transactions", "customer_id ordered_at amount product_id", LINES))


def test_demand_is_what_others_bought_recently_of_the_customers_products(tables: Tables) -> None:
    features = build_features(tables, AS_OF, 365, Loyalty())
    columns = ["customer_id", "demand_14", "demand_30", "demand_last_14", "demand_last_30"]
    fortnight_to_month = 30 / 14
    rows = features.select(columns).rows()
    assert rows[0] == pytest.approx(
        ("a", log(1 + fortnight_to_month), (log(3) + log(2)) / 2, log(1 + fortnight_to_month), log(2))
    )
    assert rows[1] == pytest.approx(("b", log(1 + fortnight_to_month) / 2, log(2), log(1 + fortnight_to_month) / 2, log(2)))
    assert rows[2] == pytest.approx(("c", log(1 + fortnight_to_month), log(2), log(1 + fortnight_to_month), log(2)))
    assert rows[3] == ("d", None, None, None, None)


def test_the_lines_of_each_product_are_counted_up_to_the_day_and_can_be_updated(tables: Tables) -> None:
    norms = compute_norms(tables, AS_OF)
    assert norms.product_lines == {14: {"cup": 2, "tea": 1}, 30: {"cup": 2, "tea": 2}}
    assert Norms.from_json(norms.to_json()) == norms
    assert with_current_demand(norms, tables, date(2025, 2, 26)).product_lines == {14: {"cup": 1}, 30: {"cup": 1, "tea": 1}}
    assert with_current_demand(norms, tables, AS_OF) == norms


def test_without_a_product_column_or_a_norm_demand_is_null(tables: Tables, orders: Callable[..., pl.LazyFrame]) -> None:
    columns = ["demand_14", "demand_last_30"]
    without_products = Tables(orders([("a", "2025-01-01", 1.0)]))
    assert compute_norms(without_products, AS_OF).product_lines is None
    assert build_features(without_products, AS_OF, 365, Loyalty()).select(columns).row(0) == (None, None)
    assert build_features(tables, AS_OF, 365, Loyalty(), Norms(AS_OF)).select(columns).row(0) == (None, None)
