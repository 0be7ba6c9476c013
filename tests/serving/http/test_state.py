from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from serving.http.state import ServiceState
from serving.schemas.scores import SCORE_COLUMNS
from serving.store.publish import publish
from serving.store.runs import NoRunError
from serving.store.withheld import Withheld, withhold
from settings.load import load_settings


@pytest.fixture
def state(store: sa.Engine, tmp_path: Path) -> ServiceState:
    (tmp_path / "holdfast.toml").write_text('[tables]\ntransactions = "none.csv"\n', encoding="utf-8")
    return ServiceState(load_settings(tmp_path / "holdfast.toml", {}), store, "key")


def scores(as_of: date, *customers: str) -> pl.DataFrame:
    rows = [
        {
            "customer_id": customer_id,
            "as_of": as_of,
            "scored_at": datetime(2025, 3, 1),
            "model_version": "1",
            "p_churn": as_of.day / 100,
        }
        for customer_id in customers
    ]
    return pl.DataFrame(rows, schema=SCORE_COLUMNS)


def look_up(state: ServiceState, *customers: str) -> tuple[dict[str, str], date, list[str]]:
    withheld, run, rows = state.find_customers(customers)
    return withheld, run.as_of, sorted(row[0] for row in rows)


def test_customers_are_looked_up_in_the_current_run(state: ServiceState) -> None:
    with pytest.raises(NoRunError):
        state.find_customers(["a"])
    first, second = date(2025, 3, 1), date(2025, 3, 8)
    publish(state.engine, scores(first, "a", "b"), 90)
    for _ in range(3):
        assert look_up(state, "a", "b", "a", "unknown") == ({}, first, ["a", "b"])
        assert look_up(state, "unknown") == ({}, first, [])
    publish(state.engine, scores(second, "b", "c"), 90)
    for _ in range(2):
        assert look_up(state, "a", "b", "c") == ({}, second, ["b", "c"])


def test_a_deleted_run_is_not_queried(state: ServiceState) -> None:
    publish(state.engine, scores(date(2025, 3, 1), "a"), 90)
    assert look_up(state, "a")[2] == ["a"]
    publish(state.engine, scores(date(2025, 6, 1), "b"), 90, keep_weeks=1)
    assert look_up(state, "a", "b") == ({}, date(2025, 6, 1), ["b"])


def test_withheld_customers_are_listed_and_have_no_row(state: ServiceState) -> None:
    publish(state.engine, scores(date(2025, 3, 1), "a", "b", "c"), 90)
    assert look_up(state, "a", "b", "c")[2] == ["a", "b", "c"]
    with state.engine.begin() as connection:
        withhold(connection, state.hash_id("a"), Withheld.SUPPRESSED, datetime(2025, 3, 1))
        withhold(connection, state.hash_id("c"), Withheld.ERASED, datetime(2025, 3, 1))
    assert look_up(state, "a", "b", "c") == ({"a": "suppressed", "c": "erased"}, date(2025, 3, 1), ["b"])
