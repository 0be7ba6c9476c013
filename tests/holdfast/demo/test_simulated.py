from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from holdfast.demo.cdnow import read_cdnow
from holdfast.demo.simulated.shop import Shop, build_truth, simulate
from holdfast.demo.simulated.world import WorldState, advance, new_world, true_p_churn


@pytest.fixture(scope="module")
def shop() -> Shop:
    return simulate(3_000, 120, seed=2)


def customers_ordering(state: WorldState, weeks: int) -> np.ndarray:
    """Return which customers order within the next weeks."""
    ordered = np.zeros(state.population.size, dtype=bool)
    for _ in range(weeks):
        state, events = advance(state)
        ordered[events.ordered] = True
    return ordered


def test_the_true_probability_is_a_frequency(shop: Shop) -> None:
    p = true_p_churn(shop.state, 13)
    is_buyer = ~np.isnan(p)
    churned = ~customers_ordering(shop.state, 13)
    for low, high in ((0.0, 1.01), (0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.01)):
        band = is_buyer & (p >= low) & (p < high)
        standard_error = np.sqrt((p[band] * (1 - p[band])).sum()) / band.sum()
        assert churned[band].mean() == pytest.approx(p[band].mean(), abs=3.5 * standard_error)


def test_p_alive_is_the_share_of_customers_still_alive(shop: Shop) -> None:
    bought = shop.state.orders > 0
    assert shop.state.p_alive[bought].mean() == pytest.approx(shop.state.alive[bought].mean(), abs=0.02)


def test_a_shop_is_reproducible_by_its_seed() -> None:
    first, same_seed, other_seed = (simulate(50, 30, seed) for seed in (1, 1, 2))
    assert all(first.tables[name].equals(same_seed.tables[name]) for name in first.tables)
    assert not first.tables["transactions"].equals(other_seed.tables["transactions"])


def test_one_customer_and_one_week_are_enough() -> None:
    assert simulate(1, 1, 1).tables["customers"].height == 1


def test_treating_no_customer_equals_no_treatment() -> None:
    state = new_world(400, 60, seed=4)
    none_treated = np.zeros(400, dtype=bool)
    for _ in range(20):
        state, _ = advance(state)
    untreated, treated = advance(state)[0], advance(state, none_treated)[0]
    assert np.array_equal(untreated.orders, treated.orders)


def test_contacts_keep_persuadables_and_drive_away_sleeping_dogs() -> None:
    state = new_world(6_000, 60, seed=4)
    for _ in range(60):
        state, _ = advance(state)

    def retention(response: int, *, treat: bool) -> float:
        group = (state.population.contact_response == response) & (state.orders > 0) & state.alive
        world = state
        for week in range(16):
            world, _ = advance(world, group if treat and week % 8 == 0 else None)
        return float(world.alive[group].mean())

    assert retention(0, treat=True) > retention(0, treat=False)
    assert retention(3, treat=True) < retention(3, treat=False)


def test_a_case_settled_well_lowers_churn_and_a_case_settled_badly_raises_it() -> None:
    state = new_world(10, 10, seed=1)
    state = replace(state, orders=np.ones(10, dtype=np.int64), weeks_since_order=np.ones(10, dtype=np.int64))
    no_case = true_p_churn(state, 13)
    settling = replace(state, weeks_to_settle=np.zeros(10, dtype=np.int64))
    well = true_p_churn(replace(settling, settles_well=np.ones(10, dtype=bool)), 13)
    badly = true_p_churn(replace(settling, settles_well=np.zeros(10, dtype=bool)), 13)
    assert (well <= no_case).all()
    assert (badly >= no_case).all()


def test_tables_hold_only_past_events_and_known_outcomes(shop: Shop) -> None:
    end = pl.lit(shop.as_of).cast(pl.Datetime("us"))
    for name, dated in (("transactions", "ordered_at"), ("complaints", "opened_at"), ("contacts", "contacted_at")):
        assert shop.tables[name].select((pl.col(dated) < end).all()).item()
    complaints = shop.tables["complaints"]
    assert complaints.filter(pl.col("resolved_at").is_null())["satisfied"].null_count() > 0
    assert complaints.select((pl.col("resolved_at") < end).all()).item()
    lines = shop.tables["transactions"]
    assert 0 < lines.filter(pl.col("quantity") < 0).height < lines.height / 20


def test_the_truth_covers_every_customer_who_ordered(shop: Shop) -> None:
    sales = shop.tables["transactions"].filter(pl.col("quantity") > 0)
    assert set(build_truth(shop.state, 13)["customer_id"]) == set(sales["customer_id"])


def test_cdnow_is_the_complete_sample() -> None:
    log = read_cdnow()
    assert (log.height, log["customer_id"].n_unique()) == (6_919, 2_357)
    assert log.filter(pl.col("amount") == 0).height > 0
