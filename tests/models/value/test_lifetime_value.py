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
P_CHURN = pl.Series([0.7, 0.95, 0.8, 0.4, 0.05])


@pytest.fixture
def values() -> pl.DataFrame:
    return value_frame(BTYD, FRAME, P_CHURN, TERMS)


def test_expected_value_is_the_mean_over_staying_and_leaving(values: pl.DataFrame) -> None:
    expected = (1 - P_CHURN) * values["value_if_stays"] + P_CHURN * values["value_if_leaves"]
    assert values["expected_value"].to_list() == pytest.approx(expected.to_list())
    assert (values["value_if_stays"] > values["value_if_leaves"]).all()


def test_with_the_order_models_own_churn_the_value_is_theirs() -> None:
    terms = ValueTerms(horizon_days=365, churn_horizon_days=90, margin=1.0, annual_discount_rate=0.0)
    values = value_frame(BTYD, FRAME, BTYD.orders.p_no_order(FRAME, 90), terms)
    orders = BTYD.orders.expected_orders(FRAME, 365)
    assert values["expected_orders"].to_list() == pytest.approx(orders.to_list())
    assert values["expected_value"].to_list() == pytest.approx((orders * BTYD.spend.expected_spend(FRAME)).to_list())


def test_discounting_lowers_value_by_less_than_a_years_rate() -> None:
    free = ValueTerms(horizon_days=365, churn_horizon_days=90, margin=0.5, annual_discount_rate=0.0)
    undiscounted = value_frame(BTYD, FRAME, P_CHURN, free)["expected_value"]
    discounted = value_frame(BTYD, FRAME, P_CHURN, TERMS)["expected_value"]
    assert ((discounted < undiscounted) & (discounted > undiscounted / 1.10)).all()


def test_a_customer_who_stays_orders_at_least_once() -> None:
    x, t_x, T = (FRAME[name].to_numpy() for name in ("frequency", "recency", "T"))  # noqa: N806  # the papers' symbol
    stays, leaves = conditional_orders(BTYD.orders.process(FRAME), (x, t_x, T), TERMS, discounted=False)
    assert (stays >= 1).all()
    assert (leaves >= 0).all()


def test_with_a_churn_horizon_beyond_the_value_horizon_leavers_are_worth_nothing() -> None:
    terms = ValueTerms(horizon_days=60, churn_horizon_days=90, margin=1.0, annual_discount_rate=0.0)
    values = value_frame(BTYD, FRAME, BTYD.orders.p_no_order(FRAME, 90), terms)
    assert values["value_if_leaves"].to_list() == [0.0] * 5
    expected = BTYD.orders.expected_orders(FRAME, 60) * BTYD.spend.expected_spend(FRAME)
    assert values["expected_value"].to_list() == pytest.approx(expected.to_list())


def test_the_gamma_shape_of_simulated_spend_is_recovered() -> None:
    rng = np.random.default_rng(3)
    expected = rng.uniform(10, 200, 20_000)
    assert fit_gamma_shape(expected, expected * 1.3 * rng.gamma(2.5, 1 / 2.5, 20_000)) == pytest.approx(2.5, rel=0.03)
    assert fit_gamma_shape(expected[:5], expected[:5]) == 1.0
