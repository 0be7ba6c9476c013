import numpy as np
import polars as pl
import pytest

from models.bgnbd import BGNBD
from models.btyd import BuyTillYouDie
from models.errors import TooLittleData

PUBLISHED = BGNBD(r=0.2425945, alpha=4.4136019, a=0.7929199, b=2.4258881)


def customers(*rows: tuple[float, float, float]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["frequency", "recency", "T"], orient="row")


def test_the_fit_reproduces_the_published_parameters(cdnow_weeks: pl.DataFrame) -> None:
    fitted = BGNBD().fit(cdnow_weeks)
    assert cdnow_weeks.height == 2357
    assert fitted.params == pytest.approx(PUBLISHED.params, rel=1e-3)
    assert fitted.diagnosis == "converged"


def test_the_published_customer_expects_1226_orders_in_a_thousand_times_39_weeks() -> None:
    assert PUBLISHED.expected_orders(customers((2, 30.43, 38.86)), 39)[0] == pytest.approx(1.226, abs=5e-4)


def test_a_new_customers_silence_has_its_closed_form() -> None:
    alone = customers((0, 0, 10))
    assert PUBLISHED.p_alive(alone)[0] == 1.0
    expected = ((PUBLISHED.alpha + 10) / (PUBLISHED.alpha + 10 + 39)) ** PUBLISHED.r
    assert PUBLISHED.p_no_order(alone, 39)[0] == pytest.approx(expected, rel=1e-12)


def test_probabilities_agree_with_a_simulation_of_the_model() -> None:
    """Simulate customers from the prior, keep those with the history, and count what follows."""
    rng = np.random.default_rng(1)
    model, T, h = BGNBD(r=1.0, alpha=5.0, a=1.0, b=3.0), 10.0, 6.0  # noqa: N806  # the paper's symbol
    n = 400_000
    rate, drop = rng.gamma(model.r, 1 / model.alpha, n), rng.beta(model.a, model.b, n)
    gaps = rng.exponential(1.0, (n, 12)) / rate[:, None]
    times = gaps.cumsum(axis=1)
    survives = np.concatenate(
        [np.ones((n, 1), bool), (rng.random((n, 11)) >= drop[:, None]).cumprod(axis=1).astype(bool)], axis=1
    )
    seen, later = survives & (times <= T), survives & (times > T) & (times <= T + h)
    for x in (0, 1, 2):
        alike = seen.sum(axis=1) == x
        last = np.where(seen, times, 0).max(axis=1)
        frame = pl.DataFrame({"frequency": np.full(alike.sum(), float(x)), "recency": last[alike], "T": np.full(alike.sum(), T)})
        orders = later[alike].sum(axis=1)
        assert model.p_no_order(frame, h).mean() == pytest.approx((orders == 0).mean(), abs=0.006)
        assert model.expected_orders(frame, h).mean() == pytest.approx(orders.mean(), abs=0.015)


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


def test_a_fit_on_a_ridge_still_predicts() -> None:
    ridge = BGNBD(r=1.84, alpha=126.8, a=7009.2, b=889_419.3)
    assert ridge.expected_orders(customers((7, 185, 200)), 91)[0] == pytest.approx(2.42, abs=0.15)


def test_the_waiting_time_is_where_the_silence_has_the_probability() -> None:
    x, t_x, T = np.array([2.0]), np.array([30.43]), np.array([38.86])  # noqa: N806  # the paper's symbol
    wait = PUBLISHED.waiting_time(x, t_x, T, np.array([0.5]))
    assert PUBLISHED.p_no_order(customers((2, 30.43, 38.86)), wait[0])[0] == pytest.approx(0.5)
    assert PUBLISHED.waiting_time(x, t_x * 0, T, np.array([0.1]))[0] == np.inf


def test_weights_stand_for_repeated_rows(cdnow_weeks: pl.DataFrame) -> None:
    part = cdnow_weeks.head(600)
    twice = BGNBD().fit(pl.concat([part, part]))
    weighted = BGNBD().fit(part.with_columns(weight=pl.lit(2.0)))
    assert weighted.params == pytest.approx(twice.params, rel=1e-3)


def test_a_log_without_repeat_purchases_is_refused_in_words() -> None:
    features = customers((0, 0, 10), (0, 0, 20)).with_columns(orders=pl.lit(1))
    with pytest.raises(TooLittleData, match="none of 2 customers has"):
        BuyTillYouDie.fit(features)
