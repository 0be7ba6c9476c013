import os
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from serving.score_columns import SCORE_COLUMNS
from serving.store import (
    METADATA,
    SCORES,
    NoRun,
    StoreUnusable,
    actions_in,
    current_run,
    find_scores,
    open_store,
    publish,
    read_actions,
)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    url = f"sqlite:///{tmp_path}/s.db" if request.param == "sqlite" else os.environ.get("HOLDFAST_TEST_POSTGRES")
    if not url:
        pytest.skip("HOLDFAST_TEST_POSTGRES is not set")
    engine = open_store(url)
    METADATA.drop_all(engine)
    METADATA.create_all(engine)
    yield engine
    engine.dispose()


def scores(as_of: date, *customers: str, version: str = "1") -> pl.DataFrame:
    reason = [{"text": "No order for 9 days", "weight": 0.5, "direction": "raises"}]
    rows = [
        {
            "customer_id": customer,
            "as_of": as_of,
            "scored_at": datetime(2025, 3, 1, 12, 0, 0, 123),
            "model_version": version,
            "p_churn": 0.25,
            "orders": 3,
            "action": "retention",
            "next_order_date": date(2025, 4, 1),
            "reasons": reason,
        }
        for customer in customers
    ]
    return pl.DataFrame(rows, schema=SCORE_COLUMNS)


def test_a_score_comes_back_as_it_was(store: sa.Engine) -> None:
    published = scores(date(2025, 3, 1), "007", "Zoë")
    publish(store, published, 90)
    run, found = find_scores(store, ["Zoë", "007", "unknown"])
    assert (run.as_of, run.model_version, run.horizon_days, run.rows) == (date(2025, 3, 1), "1", 90, 2)
    assert [found[customer] for customer in ("007", "Zoë")] == published.to_dicts()
    assert "unknown" not in found
    assert read_actions(store, ["retention"])[1].equals(published)
    assert actions_in(store) == ["retention"]


def test_only_the_newest_as_of_date_becomes_current(store: sa.Engine) -> None:
    newest = publish(store, scores(date(2025, 3, 8), "a", version="2"), 90)
    publish(store, scores(date(2025, 3, 1), "a", "b"), 90)
    with store.connect() as connection:
        assert current_run(connection) == newest
    again = publish(store, scores(date(2025, 3, 8), "a", version="3"), 90)
    with store.connect() as connection:
        assert current_run(connection) == again


def test_a_crash_in_the_middle_leaves_the_former_run_and_publishing_again_completes(
    store: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store, scores(date(2025, 3, 1), "a"), 90)
    broken = pl.concat([scores(date(2025, 3, 8), "a", "b"), scores(date(2025, 3, 8), "a")])
    monkeypatch.setattr("serving.store.BATCH", 1)
    with pytest.raises(sa.exc.IntegrityError):
        publish(store, broken, 90)
    assert find_scores(store, ["a", "b"])[0].as_of == date(2025, 3, 1)
    with store.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(SCORES)) == 1
    publish(store, broken.head(2), 90)
    assert set(find_scores(store, ["a", "b"])[1]) == {"a", "b"}


def test_before_the_first_run_the_message_says_what_to_run(store: sa.Engine) -> None:
    with pytest.raises(NoRun, match="run `score` first"):
        find_scores(store, ["a"])


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////proc/none/s.db", "postgresql://me:secret@127.0.0.1:1/x"])
def test_a_store_that_cannot_be_opened_is_told_in_a_sentence(url: str) -> None:
    with pytest.raises((StoreUnusable, OSError)) as error:
        open_store(url)
    assert "secret" not in str(error.value)
