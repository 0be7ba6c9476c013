from datetime import timedelta

import polars as pl
import pytest

from features.partition import WHOLE, Part
from features.tables.schema import Tables
from holdfast.demo.simulated.shop import Shop, simulate
from settings.sections import Settings, TableSources
from training.data.training_data import part_to_learn_from, prepare_training_data


@pytest.fixture(scope="module")
def shop() -> Shop:
    return simulate(600, 110, seed=10)


def quiet(_stage: str, _done: int, _total: int) -> None:
    """Say nothing."""


def test_all_customers_are_learned_from_unless_there_are_many() -> None:
    def ids(customers: int) -> pl.LazyFrame:
        return pl.LazyFrame({"customer_id": [f"{number}" for number in range(customers)] * 2})

    assert part_to_learn_from(ids(20_000)) == WHOLE
    assert part_to_learn_from(ids(20_001)) == Part(0, 2)
    assert part_to_learn_from(ids(60_000)) == Part(0, 3)


def test_of_many_customers_a_part_is_learned_from_and_all_tell_the_order_models(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    assert [each.as_of for each in part.snapshots] == [each.as_of for each in whole.snapshots]
    assert all(set(each.frame["customer_id"]) <= kept for each in part.snapshots)
    newest, same = part.snapshots[-1].frame, whole.snapshots[-1].frame
    told = ["orders", "churned", "next_spend"]
    both = newest.select("customer_id", *told).join(same.select("customer_id", *told), on="customer_id", suffix=":same")
    assert both.height > 0.95 * newest.height  # who of those who ordered early is left out depends on all contacts
    assert both.select(told).equals(both.select(pl.col(f"{name}:same").alias(name) for name in told))


def test_a_log_of_less_than_two_horizons_says_what_it_falls_short_of(shop: Shop) -> None:
    tables = Tables(**{name: frame.lazy() for name, frame in shop.tables.items()})
    settings = Settings(tables=TableSources("unused"))
    start = shop.as_of - timedelta(weeks=110)
    short = prepare_training_data(settings, tables, start + timedelta(days=150), quiet)
    assert short.snapshots == []
    (note,) = short.notes
    assert note.startswith("The log of 150 days is shorter than two horizons of 90: no past window can be learned from")
    assert prepare_training_data(settings, tables, shop.as_of, quiet).notes == []
