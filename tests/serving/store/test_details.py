"""Details of customers, published with a run on both kinds of store: read, found, and deleted with it or with the customer."""

from datetime import date, datetime, timedelta

import polars as pl
import pytest
import sqlalchemy as sa

from serving.schemas.details import DETAIL_COLUMNS
from serving.schemas.scores import SCORE_COLUMNS
from serving.store.details import detail_names, join_details, read_details
from serving.store.erasure import delete_from_runs
from serving.store.publish import drop_runs, publish
from serving.store.runs import Run
from serving.store.search import find_by_part

SCHEMA: dict[str, pl.DataType] = {"customer_id": pl.String(), **DETAIL_COLUMNS}
DETAILS = pl.DataFrame(
    [("a", "K-7", "Ann O'Neil", "Ann@example.com", None), ("b", None, "Übler, Bo", "bo_1@example.com", None)],
    schema=SCHEMA,
    orient="row",
)


def scores(days: int = 0) -> pl.DataFrame:
    fixed = {
        "as_of": date(2025, 3, 1) + timedelta(days),
        "scored_at": datetime(2025, 3, 1),
        "model_version": "1",
        "horizon_days": 90,
        "action": "none",
    }
    rows = [dict.fromkeys(SCORE_COLUMNS) | fixed | {"customer_id": customer, "p_churn": 0.25} for customer in "abc"]
    return pl.DataFrame(rows, schema=SCORE_COLUMNS)


@pytest.fixture
def run(store: sa.Engine) -> Run:
    return publish(store, scores(), 90, details=DETAILS)


def test_details_that_some_customer_has_are_joined_to_rows(store: sa.Engine, run: Run) -> None:
    names = detail_names(store, run.run_id)
    assert names == ["external_id", "name", "email"]
    rows = join_details(store, run.run_id, pl.DataFrame({"customer_id": ["c", "a"], "rank": [1, 2]}), names)
    assert rows.rows() == [("c", 1, None, None, None), ("a", 2, "K-7", "Ann O'Neil", "Ann@example.com")]


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("part", "found"),
    [("k-7", "a"), ("o'ne", "a"), ("EXAMPLE.com", "ab"), ("Übler", "b"), ("bo_1@", "b"), ("_", "b"), ("c", "abc")],
)
def test_customers_are_found_by_a_detail_only_on_request(store: sa.Engine, part: str, found: str) -> None:
    assert set(find_by_part(store, part, 10, in_details=True)["customer_id"]) == set(found)
    assert set(find_by_part(store, part, 10)["customer_id"]) == set(found) & {part}


def test_a_run_without_details_has_none(store: sa.Engine) -> None:
    run = publish(store, scores(), 90)
    assert detail_names(store, run.run_id) == []
    assert read_details(store, run.run_id, ["a"]).is_empty()
    assert find_by_part(store, "ann", 10, in_details=True).is_empty()


def test_only_changed_details_make_a_new_run(store: sa.Engine, run: Run) -> None:
    assert publish(store, scores(), 90, details=DETAILS.reverse()).run_id == run.run_id
    moved = DETAILS.with_columns(email=pl.lit("new@example.com"))
    assert publish(store, scores(), 90, details=moved).run_id != run.run_id


def test_details_are_deleted_with_the_customer_and_with_the_run(store: sa.Engine, run: Run) -> None:
    delete_from_runs(store, ["a"])
    assert detail_names(store, run.run_id) == ["name", "email"]
    assert read_details(store, run.run_id, ["a", "b"])["customer_id"].to_list() == ["b"]
    drop_runs(store, [run.run_id])
    assert f"details_{run.run_id}" not in sa.inspect(store).get_table_names()
