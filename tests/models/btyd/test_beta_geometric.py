import numpy as np
import polars as pl
import pytest

from models.btyd import beta_geometric
from models.btyd.bgnbd import BGNBD
from models.btyd.pair import BuyTillYouDie
from models.errors import TooLittleDataError

PUBLISHED = BGNBD(r=0.2425945, alpha=4.4136019, a=0.7929199, b=2.4258881)


def customers(*rows: tuple[float, float, float]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["frequency", "recency", "T"], orient="row")


def test_the_published_customer_expects_1226_orders_in_a_thousand_times_39_weeks() -> None:
    assert PUBLISHED.expected_orders(customers((2, 30.43, 38.86)), 39)[0] == pytest.approx(1.226, abs=5e-4)


def test_a_new_customers_silence_has_its_closed_form() -> None:
    alone = customers((0, 0, 10))
    assert PUBLISHED.p_alive(alone)[0] == 1.0
    expected = ((PUBLISHED.alpha + 10) / (PUBLISHED.alpha + 10 + 39)) ** PUBLISHED.r
    assert PUBLISHED.p_no_order(alone, 39)[0] == pytest.approx(expected, rel=1e-12)


def test_the_published_new_customers_orders_grow_as_in_the_paper() -> None:
    """FACTS of the field: E[X(t)] at 1, 3, 32 and 78 weeks, and the share of customers without an order in 39."""
    assert PUBLISHED.expected_orders_of_new([1, 3, 32, 78]).to_list() == pytest.approx([0.0532, 0.1506, 1.0437, 1.8576], abs=5e-4)
    assert BGNBD(0.243, 4.414, 0.793, 2.426).p_no_order(customers((0, 0, 0)), 39)[0] == pytest.approx(0.5737864, abs=1e-7)


@pytest.mark.parametrize("x", [1.0, 100.0, 5000.0])
@pytest.mark.parametrize("t_x", [0.0, 15.0, 30.0])
def test_predictions_stay_finite_and_in_range(x: float, t_x: float) -> None:
    frame = customers((x, t_x, 30))
    assert 0 <= PUBLISHED.p_no_order(frame, 10)[0] <= 1
    assert np.isfinite(PUBLISHED.expected_orders(frame, 10)[0])


def test_expected_orders_are_continuous_where_the_formula_divides_by_zero() -> None:
    frame = customers((3, 20, 30))
    beside = [BGNBD(r=0.5, alpha=5.0, a=a, b=2.0).expected_orders(frame, 10)[0] for a in (0.999, 1.0, 1.001)]
    assert beside[1] == pytest.approx((beside[0] + beside[2]) / 2, rel=1e-5)


@pytest.mark.parametrize(("smaller", "larger"), [((29.9, 200.0), (30.1, 200.0)), ((990.0, 98_000.0), (1_010.0, 100_000.0))])
def test_expected_orders_are_continuous_where_the_way_to_them_changes(
    smaller: tuple[float, float], larger: tuple[float, float]
) -> None:
    frame = customers((0, 0, 30), (3, 20, 30), (40, 25, 30))
    first, second = (BGNBD(0.5, 5.0, a, b).expected_orders(frame, 10).to_list() for a, b in (smaller, larger))
    assert first == pytest.approx(second, rel=0.02)


@pytest.mark.parametrize("a", [2.0, 7.0, 25.0, 40.0])
def test_many_orders_and_a_horizon_without_end_approach_the_mean_lifetime(a: float) -> None:
    """Here the hypergeometric function is lost in rounding, and a sum takes over."""
    model, frame = BGNBD(1.0, 5.0, a, 100.0), customers((300, 39, 39), (40, 39, 39))
    ever = model.discounted_orders(frame, np.inf, 0.0)
    late = model.expected_orders(frame, 1e7)
    assert late.is_finite().all()
    assert late.to_list() == pytest.approx(ever.to_list(), rel=1e-4)


def test_the_sum_that_takes_over_agrees_with_the_formula_wherever_that_can_be_reckoned() -> None:
    rng, n = np.random.default_rng(0), 20_000
    R, A, a = (np.exp(rng.uniform(low, high, n)) for low, high in ((-2, 12), (-5, 15), (-16, 5)))  # noqa: N806  # the papers' symbols
    B = R * np.exp(rng.uniform(-2, 2, n)) + np.exp(rng.uniform(-3, 5, n))  # noqa: N806
    h = A * np.exp(rng.uniform(-8, 6, n))
    with np.errstate(all="ignore"):
        formula = np.where(a > 30, beta_geometric._when_a_is_large(R, A, a, B, h), beta_geometric._when_a_is_small(R, A, a, B, h))  # noqa: SLF001  # two ways to one number
    found = beta_geometric._by_sum(R, A, a, B, h)  # noqa: SLF001
    told = np.isfinite(formula)
    assert 0.8 < told.mean() < 1
    assert found[told] == pytest.approx(formula[told], rel=1e-5)
    assert ((found > 0) & (found <= R * h / A * (1 + 1e-9))).all()


def test_a_fit_on_a_ridge_still_predicts() -> None:
    ridge = BGNBD(r=1.84, alpha=126.8, a=7009.2, b=889_419.3)
    assert ridge.expected_orders(customers((7, 185, 200)), 91)[0] == pytest.approx(2.42, abs=0.15)


def test_a_log_without_repeat_purchases_is_refused_in_words() -> None:
    features = customers((0, 0, 10), (0, 0, 20)).with_columns(orders=pl.lit(1))
    with pytest.raises(TooLittleDataError, match="none of 2 customers has"):
        BuyTillYouDie.fit(features)
