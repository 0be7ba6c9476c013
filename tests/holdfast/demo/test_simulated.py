from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from holdfast.demo.cdnow import read_cdnow
from holdfast.demo.simulated.shop import Shop, simulate, truth
from holdfast.demo.simulated.world import WorldState, advance, new_world, true_p_churn


@pytest.fixture(scope="module")
def shop() -> Shop:
    return simulate(3_000, 120, seed=2)


def run_on(state: WorldState, weeks: int) -> np.ndarray:
    ordered = np.zeros(state.population.size, dtype=bool)
    for _ in range(weeks):
        state, happened = advance(state)
        ordered[happened.ordered] = True
    return ordered


def test_the_true_probability_is_a_frequency(shop: Shop) -> None:
    p = true_p_churn(shop.state, 13)
    known = ~np.isnan(p)
    silent = ~run_on(shop.state, 13)
    for low, high in ((0.0, 1.01), (0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.01)):
        band = known & (p >= low) & (p < high)
        standard_error = np.sqrt((p[band] * (1 - p[band])).sum()) / band.sum()
        assert silent[band].mean() == pytest.approx(p[band].mean(), abs=3.5 * standard_error)


def test_the_belief_is_the_share_that_is_still_there(shop: Shop) -> None:
    bought = shop.state.orders > 0
    assert shop.state.belief[bought].mean() == pytest.approx(shop.state.alive[bought].mean(), abs=0.02)


def test_the_same_seed_gives_the_same_shop_and_another_another() -> None:
    first, again, other = (simulate(50, 30, seed) for seed in (1, 1, 2))
    assert all(first.tables[name].equals(again.tables[name]) for name in first.tables)
    assert not first.tables["transactions"].equals(other.tables["transactions"])


def test_one_customer_and_one_week_are_enough() -> None:
    assert simulate(1, 1, 1).tables["customers"].height == 1


def test_treating_nobody_and_not_treating_are_the_same_world() -> None:
    state = new_world(400, 60, seed=4)
    nobody = np.zeros(400, dtype=bool)
    for _ in range(20):
        state, _ = advance(state)
    left, right = advance(state)[0], advance(state, nobody)[0]
    assert np.array_equal(left.orders, right.orders)


def test_contacting_the_persuadable_keeps_more_of_them_than_contacting_sleeping_dogs() -> None:
    state = new_world(6_000, 60, seed=4)
    for _ in range(60):
        state, _ = advance(state)

    def kept(response: int, *, treat: bool) -> float:
        group = (state.population.response == response) & (state.orders > 0) & state.alive
        world = state
        for week in range(16):
            world, _ = advance(world, group if treat and week % 8 == 0 else None)
        return float(world.alive[group].mean())

    assert kept(0, treat=True) > kept(0, treat=False)
    assert kept(3, treat=True) < kept(3, treat=False)


def test_a_case_settled_well_leaves_more_loyalty_than_none_and_a_bad_one_less() -> None:
    state = new_world(10, 10, seed=1)
    state = replace(state, orders=np.ones(10, dtype=np.int64), since_order=np.ones(10, dtype=np.int64))
    none = true_p_churn(state, 13)
    settling = replace(state, settles_in=np.zeros(10, dtype=np.int64))
    well = true_p_churn(replace(settling, settles_well=np.ones(10, dtype=bool)), 13)
    badly = true_p_churn(replace(settling, settles_well=np.zeros(10, dtype=bool)), 13)
    assert (well <= none).all()
    assert (badly >= none).all()


def test_tables_hold_what_has_happened_and_outcomes_that_are_known(shop: Shop) -> None:
    end = pl.lit(shop.as_of).cast(pl.Datetime("us"))
    for name, dated in (("transactions", "ordered_at"), ("complaints", "opened_at"), ("contacts", "contacted_at")):
        assert shop.tables[name].select((pl.col(dated) < end).all()).item()
    cases = shop.tables["complaints"]
    assert cases.filter(pl.col("resolved_at").is_null())["satisfied"].null_count() > 0
    assert cases.select((pl.col("resolved_at") < end).all()).item()
    lines = shop.tables["transactions"]
    assert 0 < lines.filter(pl.col("quantity") < 0).height < lines.height / 20


def test_the_truth_names_every_customer_who_ordered(shop: Shop) -> None:
    sold = shop.tables["transactions"].filter(pl.col("quantity") > 0)
    assert set(truth(shop.state, 13)["customer_id"]) == set(sold["customer_id"])


def test_cdnow_is_the_real_sample() -> None:
    log = read_cdnow()
    assert (log.height, log["customer_id"].n_unique()) == (6_919, 2_357)
    assert log.filter(pl.col("amount") == 0).height > 0
