import numpy as np
import polars as pl
import pytest
from scipy.stats import binomtest

from models.btyd.bgnbd import BGNBD
from models.btyd.forecasts import cohort_orders, total_orders, total_value
from models.btyd.gamma_gamma import GammaGamma
from models.btyd.intervals import order_interval, value_interval
from models.btyd.mbgnbd import MBGNBD
from models.btyd.order_model import OrderModel
from models.btyd.paretonbd import ParetoNBD
from models.btyd.simulation import simulate, spend_of

TRUTHS = [BGNBD(0.6, 60.0, 0.5, 2.5), MBGNBD(0.6, 60.0, 0.5, 2.5), ParetoNBD(0.6, 60.0, 0.6, 200.0)]
SPEND = GammaGamma(6.0, 4.0, 60.0)
EACH = pytest.mark.parametrize("truth", TRUTHS, ids=lambda model: type(model).__name__)
YEAR = 365.0


def shop(truth: OrderModel, n: int, seed: int) -> pl.DataFrame:
    """Customers with orders and spend so far, and of the year after."""
    rng = np.random.default_rng(seed)
    frame = simulate(truth, pl.DataFrame({"T": np.ceil(rng.uniform(0, 730, n))}), YEAR, rng)
    x, later = frame["frequency"].to_numpy(), frame["later_orders"].to_numpy()
    past, own = spend_of(*SPEND.params.values(), x, rng)
    after = np.where(later > 0, rng.gamma(np.maximum(SPEND.p * later, 1e-9)) / own, 0.0)
    average = pl.when(pl.col("frequency") > 0).then(pl.Series(past) / pl.col("frequency"))
    return frame.with_columns(monetary_value=average, later_value=pl.Series(after))


@EACH
def test_with_known_parameters_the_interval_is_that_of_the_models_own_distribution(truth: OrderModel) -> None:
    frame = shop(truth, 200, 1)
    found = order_interval(truth, frame, YEAR)
    tails = 1 - truth.p_orders(frame, YEAR, 400).to_numpy()[:, :-1].cumsum(axis=1)
    for name, level in (("orders_low", 0.1), ("orders_high", 0.9)):
        assert found[name].to_list() == (tails > 1 - level).sum(axis=1).tolist()


@EACH
def test_one_in_ten_at_most_spends_more_than_the_upper_value_and_none_less_than_the_lower_too_often(truth: OrderModel) -> None:
    frame = shop(truth, 6_000, 2)
    found = value_interval(truth, SPEND, frame, YEAR)
    above, below = int((frame["later_value"] > found["value_high"]).sum()), int((frame["later_value"] < found["value_low"]).sum())
    some = truth.p_no_order(frame, YEAR).to_numpy() < 0.9
    assert binomtest(above, int(some.sum()), 0.10).pvalue > 0.001
    assert below <= 0.1 * frame.height
    assert (found["value_high"].to_numpy() > 0).tolist() == some.tolist()


def test_uncertain_parameters_widen_an_interval() -> None:
    few = shop(TRUTHS[0], 150, 3)
    fitted = BGNBD().fit(few)
    sure = BGNBD(**fitted.params)
    assert order_interval(fitted, few, YEAR)["orders_high"].sum() > order_interval(sure, few, YEAR)["orders_high"].sum()
    widths = [total_orders(model, few, [YEAR]).select(pl.col("high") - pl.col("low")).item() for model in (fitted, sure)]
    assert widths[0] > 1.1 * widths[1]


@EACH
def test_totals_of_many_worlds_lie_within_their_intervals_as_often_as_stated(truth: OrderModel) -> None:
    """The 80 % interval of orders and of value, each world fitted by itself: 60 worlds of 400 customers."""
    worlds, orders_in, value_in = 60, 0, 0
    for world in range(worlds):
        frame = shop(truth, 400, 100 + world)
        model, spend = type(truth)().fit(frame), GammaGamma().fit(frame)
        orders = total_orders(model, frame, [YEAR]).row(0, named=True)
        value = total_value(model, spend, frame, [YEAR]).row(0, named=True)
        orders_in += orders["low"] <= frame["later_orders"].sum() <= orders["high"]
        value_in += value["low"] <= frame["later_value"].sum() <= value["high"]
    for inside in (orders_in, value_in):
        assert binomtest(int(inside), worlds, 0.8).pvalue > 0.001, inside


def test_the_neighbours_have_the_estimates_mean_and_covariance() -> None:
    fitted = BGNBD().fit(shop(TRUTHS[0], 1_000, 4))
    logs = np.log([list(each.params.values()) for each in fitted.cubature_points()])
    values = np.array(list(fitted.params.values()))
    assert logs.mean(axis=0) == pytest.approx(np.log(values))
    assert np.cov(logs.T, bias=True) == pytest.approx(fitted.covariance / np.outer(values, values), rel=1e-6)


def test_a_weight_stands_for_repeated_rows_in_a_total() -> None:
    frame = shop(TRUTHS[0], 50, 5)
    weighted, repeated = frame.with_columns(weight=pl.lit(3.0)), pl.concat([frame] * 3)
    for found, expected in (
        (total_orders(TRUTHS[0], weighted, [30.0, YEAR]), total_orders(TRUTHS[0], repeated, [30.0, YEAR])),
        (total_value(TRUTHS[0], SPEND, weighted, [YEAR]), total_value(TRUTHS[0], SPEND, repeated, [YEAR])),
    ):
        for name in ("expected", "low", "high"):
            assert found[name].to_list() == pytest.approx(expected[name].to_list())


def test_spend_without_a_variance_has_an_upper_end_at_infinity() -> None:
    heavy, frame = GammaGamma(6.0, 1.5, 60.0), shop(TRUTHS[0], 50, 6)
    found = total_value(TRUTHS[0], heavy, frame, [YEAR]).row(0, named=True)
    assert (found["low"], found["high"]) == (0.0, np.inf)
    assert np.isfinite(found["expected"])


def test_a_cohorts_orders_are_the_sum_of_its_customers_by_age() -> None:
    ages = pl.Series([10.0, 10.0, 40.0, -5.0])
    one = TRUTHS[0].expected_orders_of_new([10.0, 40.0])
    assert cohort_orders(TRUTHS[0], ages) == pytest.approx(2 * one[0] + one[1])
    assert cohort_orders(TRUTHS[0], pl.Series([10.0]), pl.Series([7.0])) == pytest.approx(7 * one[0])
