"""Customers found by a part of their id, on both kinds of store."""

from datetime import date, datetime

import polars as pl
import pytest
import sqlalchemy as sa

from serving.schemas.scores import SCORE_COLUMNS
from serving.store.publish import publish
from serving.store.runs import NoRunError
from serving.store.search import find_by_part

IDS = ("A-100%", "a_1000", "b1000", "Zoë=1", "x\\y", "x'y", "ÉA")


@pytest.fixture
def filled(store: sa.Engine) -> sa.Engine:
    fixed = {
        "as_of": date(2025, 3, 1),
        "scored_at": datetime(2025, 3, 1),
        "model_version": "1",
        "horizon_days": 90,
        "action": "none",
    }
    rows = [dict.fromkeys(SCORE_COLUMNS) | fixed | {"customer_id": customer, "p_churn": 0.25} for customer in IDS]
    publish(store, pl.DataFrame(rows, schema=SCORE_COLUMNS), 90)
    return store


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("1000", {"a_1000", "b1000"}),
        ("a-", {"A-100%"}),
        ("A", {"A-100%", "a_1000", "ÉA"}),
        ("%", {"A-100%"}),
        ("_", {"a_1000"}),
        ("\\", {"x\\y"}),
        ("'", {"x'y"}),
        ("zoë", {"Zoë=1"}),
        ("=", {"Zoë=1"}),
        ("ÉA", {"ÉA"}),
        ("/", set()),
        ("1000b", set()),
    ],
)
def test_a_part_of_an_id_is_taken_literally_in_any_case(filled: sa.Engine, part: str, expected: set[str]) -> None:
    assert set(find_by_part(filled, part, 10)["customer_id"]) == expected


def test_ids_that_start_with_the_part_come_first_up_to_a_limit(filled: sa.Engine) -> None:
    assert find_by_part(filled, "b", 10)["customer_id"].to_list() == ["b1000"]
    assert find_by_part(filled, "1", 10)["customer_id"].to_list()[-1] in IDS
    assert find_by_part(filled, "1", 2).height == 2
    assert find_by_part(filled, "y", 10).height == 2


def test_before_the_first_run_no_one_can_be_found(store: sa.Engine) -> None:
    with pytest.raises(NoRunError):
        find_by_part(store, "a", 10)
