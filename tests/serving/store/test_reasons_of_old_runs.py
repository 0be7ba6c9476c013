"""Runs scored before reasons had a family stay readable, and callers get text, weight and direction as before."""

import json
from datetime import date, datetime
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from serving.lists.reasons import list_reason_columns
from serving.schemas.scores import SCORE_COLUMNS
from serving.store.publish import publish
from serving.store.read import find_scores, read_scores_by_action, score_history
from serving.store.schema import score_table

REASON = {"text": "Complaint open for 4 days", "weight": 0.5, "direction": "raises"}


@pytest.fixture
def old_store(store: sa.Engine) -> sa.Engine:
    """Return a store with a run of one customer, whose reason is stored without a family."""
    score: dict[str, Any] = {
        "customer_id": "a",
        "as_of": date(2025, 3, 1),
        "scored_at": datetime(2025, 3, 1),
        "model_version": "1",
        "action": "recovery",
        "open_complaints": 1,
        "reasons": [REASON | {"family": "complaints"}],
    }
    run = publish(store, pl.DataFrame([score], schema=SCORE_COLUMNS), 90)
    with store.begin() as connection:
        connection.execute(score_table(run.run_id).update().values(reasons=json.dumps([REASON])))
    return store


def test_the_reasons_of_an_old_run_are_served_unchanged(old_store: sa.Engine) -> None:
    assert find_scores(old_store, ["a"])[1]["a"]["reasons"] == [REASON]
    assert score_history(old_store, "a")[0]["reasons"] == [REASON]


def test_the_reasons_of_an_old_run_have_a_null_family_and_still_make_a_list(old_store: sa.Engine) -> None:
    scores = read_scores_by_action(old_store, ["recovery"])[1]
    assert scores["reasons"].to_list() == [[REASON | {"family": None}]]
    reasons = scores.with_columns(pl.lit("recovery").alias("target")).select(list_reason_columns())
    assert reasons.row(0) == (REASON["text"], None, None)


def test_the_reasons_of_a_new_run_have_their_family(store: sa.Engine) -> None:
    reason = REASON | {"family": "complaints"}
    score = {"customer_id": "a", "as_of": date(2025, 3, 1), "scored_at": datetime(2025, 3, 1), "model_version": "1"}
    publish(store, pl.DataFrame([score | {"reasons": [reason]}], schema=SCORE_COLUMNS), 90)
    assert find_scores(store, ["a"])[1]["a"]["reasons"] == [reason]
