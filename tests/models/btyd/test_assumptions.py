from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from models.btyd.assumptions import (
    check_cohorts,
    check_order_counts,
    check_spend_independence,
    check_weekly_orders,
    order_counts,
    weekly_orders,
)
from models.btyd.bgnbd import BGNBD
from models.btyd.forecasts import cohort_orders
from models.btyd.mbgnbd import MBGNBD
from models.btyd.order_model import OrderModel
from models.btyd.paretonbd import ParetoNBD
from models.btyd.simulation import simulate_orders

START = date(2025, 1, 1)
TRUTH = BGNBD(r=0.8, alpha=40.0, a=0.5, b=2.5)


def repeat_buyers(count: int, exponent: float) -> pl.DataFrame:
    """Repeat buyers whose spend per order grows with frequency to the power of `exponent`."""
    rng = np.random.default_rng(1)
    frequency = rng.integers(1, 20, count).astype(float)
    return pl.DataFrame({"frequency": frequency, "monetary_value": frequency**exponent * rng.gamma(5, 10, count)})


def test_spend_that_grows_with_frequency_is_detected() -> None:
    independent = check_spend_independence(repeat_buyers(2_000, 0.0))
    growing = check_spend_independence(repeat_buyers(2_000, 0.5))
    assert (independent.holds, growing.holds) == (True, False)
    assert independent.figures["often_over_rare"] == pytest.approx(1, abs=0.05)
    assert growing.figures["rank_correlation"] > 0.5
    assert "before trusting Gamma-Gamma" in growing.sentence


def test_spend_is_not_checked_with_few_buyers_or_one_frequency() -> None:
    few = check_spend_independence(repeat_buyers(20, 0.0))
    assert (few.holds, few.sentence) == (None, "Too little data: 20 repeat buyers, at least 30 needed.")
    same = check_spend_independence(repeat_buyers(40, 0.0).with_columns(frequency=pl.lit(2.0)))
    assert (same.holds, same.sentence) == (None, "Too little data: all 40 repeat buyers have the same frequency.")


@pytest.mark.parametrize(
    "truth",
    [
        TRUTH,
        MBGNBD(r=0.8, alpha=40.0, a=0.5, b=2.5),
        ParetoNBD(r=0.8, alpha=40.0, s=0.6, beta=200.0),
    ],
)
def test_the_histogram_of_a_models_own_customers_matches_the_expected_one(truth: OrderModel) -> None:
    rng = np.random.default_rng(2)
    frame = simulate_orders(truth, pl.DataFrame({"T": np.ceil(rng.uniform(50, 700, 20_000))}), 0.0, rng)
    counts = order_counts(truth, frame)
    assert counts["actual"].sum() == 20_000
    assert counts["expected"].sum() == pytest.approx(20_000)
    assert ((counts["actual"] - counts["expected"]).abs() < 4 * counts["expected"].sqrt()).all()
    assert check_order_counts(counts).holds
    wrong = type(truth)(*[value * 2 for value in truth.params.values()])
    assert not check_order_counts(order_counts(wrong, frame)).holds


def order_days(truth: BGNBD, customers: int) -> pl.DataFrame:
    """Days with an order, until day 300, of customers whose first order is within the first hundred days."""
    rng = np.random.default_rng(3)
    first_day, rate = rng.integers(0, 100, customers), rng.gamma(truth.r, 1 / truth.alpha, customers)
    max_orders = rng.geometric(rng.beta(truth.a, truth.b, customers))
    rows = [(customer, START + timedelta(days=int(day))) for customer, day in enumerate(first_day)]
    for customer in range(customers):
        times = first_day[customer] + 1 + np.cumsum(rng.exponential(1 / rate[customer], 60))[: max_orders[customer]]
        days = sorted({int(day) for day in times if day < 300})
        rows += [(customer, START + timedelta(days=day)) for day in days]
    return pl.DataFrame(rows, schema=["customer_id", "day"], orient="row")


def test_weekly_orders_of_a_models_own_customers_follow_the_expected_ones() -> None:
    split, end = START + timedelta(days=200), START + timedelta(days=300)
    weekly = weekly_orders(TRUTH, order_days(TRUTH, 4_000), split, end)
    assert weekly["week"].to_list() == [START + timedelta(days=4 + 7 * n) for n in range(1, 43)]
    assert weekly.filter("later")["week"].min() == split + timedelta(days=7)
    for later in (False, True):
        check = check_weekly_orders(weekly, later=later)
        assert check.holds, check.sentence
    doubled = check_weekly_orders(weekly.with_columns(pl.col("expected") * 2), later=True)
    assert not doubled.holds
    assert "The season, or how customers are acquired or treated, has changed" in doubled.sentence


def test_by_week_78_the_published_models_have_the_published_errors(cdnow_weeks: pl.DataFrame) -> None:
    """Published: cumulative repeat orders 4.1 % (BG/NBD) and 1.6 % (Pareto/NBD) below the actual 4,339."""
    ages = cdnow_weeks["T"] + 39
    for model_class, error in ((BGNBD, -0.041), (ParetoNBD, -0.016)):
        assert cohort_orders(model_class().fit(cdnow_weeks), ages) / 4_339 - 1 == pytest.approx(error, abs=0.0015)


def test_similar_cohorts_pass_and_a_change_between_cohorts_is_detected() -> None:
    rng = np.random.default_rng(4)
    ages = pl.DataFrame({"T": np.ceil(rng.uniform(100, 700, 6_000))})
    same = simulate_orders(TRUTH, ages, 0.0, rng)
    assert check_cohorts(TRUTH, same).holds
    slower = simulate_orders(BGNBD(r=0.4, alpha=40.0, a=0.5, b=2.5), ages.filter(pl.col("T") <= 300), 0.0, rng)
    changed = check_cohorts(TRUTH, pl.concat([same.filter(pl.col("T") > 300), slower]))
    assert not changed.holds
    assert changed.figures["latest_over_earliest"] < 0.7
    assert "cohort as a covariate" in changed.sentence
    assert check_cohorts(TRUTH, same.head(40)).holds is None
