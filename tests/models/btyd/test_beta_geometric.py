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


def test_the_published_customer_is_expected_to_place_1_226_orders_in_39_weeks() -> None:
    assert PUBLISHED.expected_orders(customers((2, 30.43, 38.86)), 39)[0] == pytest.approx(1.226, abs=5e-4)


def test_p_no_order_of_a_new_customer_has_its_closed_form() -> None:
    new = customers((0, 0, 10))
    assert PUBLISHED.p_alive(new)[0] == 1.0
    expected = ((PUBLISHED.alpha + 10) / (PUBLISHED.alpha + 10 + 39)) ** PUBLISHED.r
    assert PUBLISHED.p_no_order(new, 39)[0] == pytest.approx(expected, rel=1e-12)


def test_a_new_customers_expected_orders_grow_as_published() -> None:
    """Published: E[X(t)] at 1, 3, 32 and 78 weeks, and the probability of no order in 39 weeks."""
    assert PUBLISHED.expected_orders_of_new([1, 3, 32, 78]).to_list() == pytest.approx([0.0532, 0.1506, 1.0437, 1.8576], abs=5e-4)
    rounded = BGNBD(r=0.243, alpha=4.414, a=0.793, b=2.426)
    assert rounded.p_no_order(customers((0, 0, 0)), 39)[0] == pytest.approx(0.5737864, abs=1e-7)


@pytest.mark.parametrize("x", [1.0, 100.0, 5000.0])
@pytest.mark.parametrize("t_x", [0.0, 15.0, 30.0])
def test_predictions_stay_finite_and_in_range(x: float, t_x: float) -> None:
    frame = customers((x, t_x, 30))
    assert 0 <= PUBLISHED.p_no_order(frame, 10)[0] <= 1
    assert np.isfinite(PUBLISHED.expected_orders(frame, 10)[0])


def test_expected_orders_are_continuous_where_the_formula_divides_by_zero() -> None:
    frame = customers((3, 20, 30))
    below, singular, above = (BGNBD(r=0.5, alpha=5.0, a=a, b=2.0).expected_orders(frame, 10)[0] for a in (0.999, 1.0, 1.001))
    assert singular == pytest.approx((below + above) / 2, rel=1e-5)


@pytest.mark.parametrize(("smaller", "larger"), [((29.9, 200.0), (30.1, 200.0)), ((990.0, 98_000.0), (1_010.0, 100_000.0))])
def test_expected_orders_are_continuous_where_the_formula_changes(
    smaller: tuple[float, float], larger: tuple[float, float]
) -> None:
    frame = customers((0, 0, 30), (3, 20, 30), (40, 25, 30))
    first, second = (BGNBD(r=0.5, alpha=5.0, a=a, b=b).expected_orders(frame, 10).to_list() for a, b in (smaller, larger))
    assert first == pytest.approx(second, rel=0.02)


@pytest.mark.parametrize("a", [2.0, 7.0, 25.0, 40.0])
def test_expected_orders_approach_the_mean_lifetime_for_many_orders_and_a_long_horizon(a: float) -> None:
    """Here the hypergeometric function is lost to rounding, and the quadrature takes over."""
    model, frame = BGNBD(r=1.0, alpha=5.0, a=a, b=100.0), customers((300, 39, 39), (40, 39, 39))
    infinite_horizon = model.discounted_orders(frame, np.inf, 0.0)
    long_horizon = model.expected_orders(frame, 1e7)
    assert long_horizon.is_finite().all()
    assert long_horizon.to_list() == pytest.approx(infinite_horizon.to_list(), rel=1e-4)


def test_the_quadrature_agrees_with_the_formula_wherever_that_is_finite() -> None:
    rng, n = np.random.default_rng(0), 20_000
    R, A, a = (np.exp(rng.uniform(low, high, n)) for low, high in ((-2, 12), (-5, 15), (-16, 5)))  # noqa: N806  # the papers' symbols
    B = R * np.exp(rng.uniform(-2, 2, n)) + np.exp(rng.uniform(-3, 5, n))  # noqa: N806
    h = A * np.exp(rng.uniform(-8, 6, n))
    with np.errstate(all="ignore"):
        large_a = beta_geometric._expected_orders_large_a(R, A, a, B, h)  # noqa: SLF001  # two formulas for one number
        small_a = beta_geometric._expected_orders_small_a(R, A, a, B, h)  # noqa: SLF001
        formula = np.where(a > 30, large_a, small_a)
    quadrature = beta_geometric._expected_orders_quadrature(R, A, a, B, h)  # noqa: SLF001
    is_finite = np.isfinite(formula)
    assert 0.8 < is_finite.mean() < 1
    assert quadrature[is_finite] == pytest.approx(formula[is_finite], rel=1e-5)
    assert ((quadrature > 0) & (quadrature <= R * h / A * (1 + 1e-9))).all()


def test_a_fit_on_a_ridge_still_predicts() -> None:
    ridge = BGNBD(r=1.84, alpha=126.8, a=7009.2, b=889_419.3)
    assert ridge.expected_orders(customers((7, 185, 200)), 91)[0] == pytest.approx(2.42, abs=0.15)


def test_a_log_without_repeat_purchases_is_refused_with_the_number_of_customers() -> None:
    features = customers((0, 0, 10), (0, 0, 20)).with_columns(orders=pl.lit(1))
    with pytest.raises(TooLittleDataError, match="none of 2 customers has"):
        BuyTillYouDie.fit(features)
