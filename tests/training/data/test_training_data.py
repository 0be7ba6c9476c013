from datetime import timedelta

import polars as pl
import pytest

from features.partition import ALL_CUSTOMERS, Part
from features.tables.schema import Tables
from holdfast.demo.simulated.shop import Shop, simulate
from settings.sections import Settings, TableSources
from training.data.training_data import prepare_training_data, training_part

WEEKS = 72


@pytest.fixture(scope="module")
def shop() -> Shop:
    return simulate(600, WEEKS, seed=10)


def quiet(_stage: str, _done: int, _total: int) -> None:
    """Ignore the progress."""


def test_all_customers_are_used_unless_there_are_many() -> None:
    def ids(customers: int) -> pl.LazyFrame:
        return pl.LazyFrame({"customer_id": [f"{number}" for number in range(customers)] * 2})

    assert training_part(ids(20_000)) == ALL_CUSTOMERS
    assert training_part(ids(20_001)) == Part(0, 2)
    assert training_part(ids(60_000)) == Part(0, 3)


@pytest.mark.slow
def test_of_many_customers_a_part_is_used_and_the_order_models_use_all(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = Tables(**{name: frame.lazy() for name, frame in shop.tables.items()})
    settings = Settings(tables=TableSources("unused"))
    whole = prepare_training_data(settings, tables, shop.as_of, quiet)
    monkeypatch.setattr("training.data.training_data.MAX_CUSTOMERS", 300)
    part = prepare_training_data(settings, tables, shop.as_of, quiet)
    kept = set(part.features["customer_id"])
    assert 0.3 < len(kept) / whole.features.height < 0.7
    assert kept < set(whole.features["customer_id"])
    assert part.btyd.orders.params == pytest.approx(whole.btyd.orders.params, rel=1e-6)
    assert part.norms == whole.norms
    assert part.digests == whole.digests
    assert [snapshot.as_of for snapshot in part.snapshots] == [snapshot.as_of for snapshot in whole.snapshots]
    assert all(set(snapshot.frame["customer_id"]) <= kept for snapshot in part.snapshots)
    newest, newest_whole = part.snapshots[-1].frame, whole.snapshots[-1].frame
    columns = ["orders", "churned", "next_spend"]
    pairs = newest.select("customer_id", *columns).join(
        newest_whole.select("customer_id", *columns), on="customer_id", suffix=":whole"
    )
    assert pairs.height > 0.95 * newest.height  # which early orders are left out depends on all contacts
    assert pairs.select(columns).equals(pairs.select(pl.col(f"{name}:whole").alias(name) for name in columns))


@pytest.mark.slow
def test_a_log_of_less_than_two_horizons_has_a_note(shop: Shop) -> None:
    tables = Tables(**{name: frame.lazy() for name, frame in shop.tables.items()})
    settings = Settings(tables=TableSources("unused"))
    start = shop.as_of - timedelta(weeks=WEEKS)
    short = prepare_training_data(settings, tables, start + timedelta(days=115), quiet)
    assert short.snapshots == []
    (note,) = short.notes
    assert note.startswith("The log of 115 days is too short for a past window of 90: there is nothing to learn from")
    assert len(prepare_training_data(settings, tables, start + timedelta(days=150), quiet).snapshots) > 1
    assert prepare_training_data(settings, tables, shop.as_of, quiet).notes == []
