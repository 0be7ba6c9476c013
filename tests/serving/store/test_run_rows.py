"""All rows of a run in chunks and what changed since another run, on both kinds of store, whatever the order of their ids."""

from datetime import date, datetime, timedelta

import polars as pl
import pytest
import sqlalchemy as sa

from serving.schemas.scores import SCORE_COLUMNS
from serving.store import run_rows
from serving.store.publish import publish
from serving.store.run_rows import changed_rows, find_run, find_run_of_day, iter_run_rows

IDS = ("10", "9", "A-1", "a-1", "a 1", "Ä", "z", "\u00e9", "e\u0301", "_", "%", "=1", "+49", "x'y", "日本")
COLUMNS = ["customer_id", "p_churn", "action"]
DAY = date(2025, 3, 1)


def scores(days: int, **p_churn: float) -> pl.DataFrame:
    fixed = {"as_of": DAY + timedelta(days), "scored_at": datetime(2025, 3, 1), "model_version": "1", "horizon_days": 90}
    rows = [
        dict.fromkeys(SCORE_COLUMNS) | fixed | {"customer_id": customer, "p_churn": p_churn.get(customer, 0.25), "action": "none"}
        for customer in IDS
    ]
    return pl.DataFrame(rows, schema=SCORE_COLUMNS)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_rows, "CHUNK_ROWS", 4)


def test_the_chunks_have_every_row_once_and_continue_after_any_id(store: sa.Engine) -> None:
    run = publish(store, scores(0), 90)
    chunks = list(iter_run_rows(store, run.run_id, COLUMNS))
    assert [chunk.height for chunk in chunks] == [4, 4, 4, 3]
    ids = pl.concat(chunks)["customer_id"].to_list()
    assert sorted(ids) == sorted(IDS)
    for place, customer in enumerate(ids):
        rest = iter_run_rows(store, run.run_id, COLUMNS, customer)
        assert [row[0] for chunk in rest for row in chunk.rows()] == ids[place + 1 :]


def test_changed_rows_are_the_new_ones_and_those_with_another_value(store: sa.Engine) -> None:
    earlier = publish(store, scores(0).filter(pl.col("customer_id") != "Ä"), 90)
    later = publish(store, scores(7, z=0.5, _=None), 90)  # type: ignore[arg-type]  # a missing probability
    after, changed = "", []
    for chunk in iter_run_rows(store, later.run_id, COLUMNS):
        changed += changed_rows(store, chunk, earlier.run_id, after)["customer_id"].to_list()
        after = chunk["customer_id"][-1]
    assert sorted(changed) == sorted(["Ä", "z", "_"])


def test_a_run_is_found_by_its_id_or_by_a_day_on_or_after_its_date(store: sa.Engine) -> None:
    earlier, later = publish(store, scores(0), 90), publish(store, scores(7), 90)
    assert [find_run(store, run_id) for run_id in (earlier.run_id, later.run_id, 99)] == [earlier, later, None]
    by_day = {days: find_run_of_day(store, DAY + timedelta(days)) for days in (-1, 0, 6, 7, 30)}
    assert by_day == {-1: None, 0: earlier, 6: earlier, 7: later, 30: later}
