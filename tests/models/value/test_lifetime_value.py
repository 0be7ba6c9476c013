import numpy as np
import polars as pl
import pytest

from models.btyd.bgnbd import BGNBD
from models.btyd.gamma_gamma import GammaGamma
from models.btyd.pair import BuyTillYouDie
from models.value.lifetime_value import ValueTerms, conditional_orders, fit_gamma_shape, value_frame

BTYD = BuyTillYouDie(BGNBD(r=0.8, alpha=60.0, a=0.4, b=2.5), GammaGamma(p=5.0, q=4.0, gamma=60.0))
TERMS = ValueTerms(horizon_days=365, churn_horizon_days=90, margin=0.5, annual_discount_rate=0.10)
FRAME = pl.DataFrame(
    {
        "frequency": [0.0, 0.0, 3.0, 3.0, 40.0],
        "recency": [0.0, 0.0, 100.0, 300.0, 390.0],
        "T": [5.0, 400.0, 400.0, 310.0, 400.0],
        "monetary_value": [None, None, 80.0, 120.0, 30.0],
    }
)
CHURN = pl.Series([0.7, 0.95, 0.8, 0.4, 0.05])


@pytest.fixture
def values() -> pl.DataFrame:
    return value_frame(BTYD, FRAME, CHURN, TERMS, gamma_shape=1.5)


def test_expected_value_is_the_mean_over_staying_and_leaving(values: pl.DataFrame) -> None:
    mixed = (1 - CHURN) * values["value_if_stays"] + CHURN * values["value_if_leaves"]
    assert values["expected_value"].to_list() == pytest.approx(mixed.to_list())
    assert (values["value_if_stays"] > values["value_if_leaves"]).all()


def test_with_the_models_own_churn_the_value_is_the_models_own() -> None:
    plain = ValueTerms(365, 90, margin=1.0, annual_discount_rate=0.0)
    own = value_frame(BTYD, FRAME, BTYD.orders.p_no_order(FRAME, 90), plain, gamma_shape=1.0)
    orders = BTYD.orders.expected_orders(FRAME, 365)
    assert own["expected_orders"].to_list() == pytest.approx(orders.to_list())
    assert own["expected_value"].to_list() == pytest.approx((orders * BTYD.spend.expected_spend(FRAME)).to_list())


def test_discounting_lowers_value_by_less_than_a_years_rate() -> None:
    free = value_frame(BTYD, FRAME, CHURN, ValueTerms(365, 90, 0.5, 0.0), gamma_shape=1.0)["expected_value"]
    dear = value_frame(BTYD, FRAME, CHURN, TERMS, gamma_shape=1.0)["expected_value"]
    assert ((dear < free) & (dear > free / 1.10)).all()


def test_who_stays_orders_at_least_once() -> None:
    stays, leaves = conditional_orders(
        BTYD.orders.process(FRAME),
        tuple(FRAME[name].to_numpy() for name in ("frequency", "recency", "T")),
        TERMS,
        discounted=False,
    )  # type: ignore[arg-type]
    assert (stays >= 1).all()
    assert (leaves >= 0).all()


def test_a_churn_horizon_as_long_as_the_value_horizon_leaves_nothing_after_leaving() -> None:
    terms = ValueTerms(60, 90, 1.0, 0.0)
    own = value_frame(BTYD, FRAME, BTYD.orders.p_no_order(FRAME, 90), terms, gamma_shape=1.0)
    assert own["value_if_leaves"].to_list() == [0.0] * 5
    expected = BTYD.orders.expected_orders(FRAME, 60) * BTYD.spend.expected_spend(FRAME)
    assert own["expected_value"].to_list() == pytest.approx(expected.to_list())


def test_quantiles_are_quantiles_of_the_mixture(values: pl.DataFrame) -> None:
    assert ((values["value_low"] <= values["value_high"]) & (values["value_low"] >= 0)).all()
    silent = 1 - values["p_order_in_horizon"]
    rng = np.random.default_rng(2)
    for place, mean in enumerate(values["expected_value"]):
        bought = rng.random(200_000) >= silent[place]
        drawn = np.where(bought, rng.gamma(1.5, mean / (1 - silent[place]) / 1.5, 200_000), 0.0)
        assert drawn.mean() == pytest.approx(mean, rel=0.03)
        assert (drawn > values["value_high"][place]).mean() == pytest.approx(min(0.10, 1 - silent[place]), abs=0.01)


def test_waiting_times_agree_with_the_probability_that_is_shown() -> None:
    """Half of such customers have ordered by the median: at the churn horizon when p_churn is one half."""
    half = value_frame(BTYD, FRAME, pl.Series([0.5] * 5), TERMS, gamma_shape=1.0)
    assert half["next_order_days"].to_list() == pytest.approx([90.0] * 5, rel=1e-6)
    assert ((half["next_order_low"] < half["next_order_days"]) & (half["next_order_days"] < half["next_order_high"])).all()


def test_the_spread_of_simulated_spend_is_found_again() -> None:
    rng = np.random.default_rng(3)
    expected = rng.uniform(10, 200, 20_000)
    assert fit_gamma_shape(expected, expected * 1.3 * rng.gamma(2.5, 1 / 2.5, 20_000)) == pytest.approx(2.5, rel=0.03)
    assert fit_gamma_shape(expected[:5], expected[:5]) == 1.0
