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
from models.btyd.simulation import simulate_orders, simulate_spend

TRUTHS = [
    BGNBD(r=0.6, alpha=60.0, a=0.5, b=2.5),
    MBGNBD(r=0.6, alpha=60.0, a=0.5, b=2.5),
    ParetoNBD(r=0.6, alpha=60.0, s=0.6, beta=200.0),
]
SPEND = GammaGamma(p=6.0, q=4.0, gamma=60.0)
EVERY_MODEL = pytest.mark.parametrize("truth", TRUTHS, ids=lambda model: type(model).__name__)
YEAR_DAYS = 365.0


def simulated_shop(truth: OrderModel, customers: int, seed: int) -> pl.DataFrame:
    """Customers with their observed orders and spend, and those of the following year."""
    rng = np.random.default_rng(seed)
    frame = simulate_orders(truth, pl.DataFrame({"T": np.ceil(rng.uniform(0, 730, customers))}), YEAR_DAYS, rng)
    x, later = frame["frequency"].to_numpy(), frame["later_orders"].to_numpy()
    spend, v = simulate_spend(*SPEND.params.values(), x, rng)
    later_value = np.where(later > 0, rng.gamma(np.maximum(SPEND.p * later, 1e-9)) / v, 0.0)
    monetary_value = pl.when(pl.col("frequency") > 0).then(pl.Series(spend) / pl.col("frequency"))
    return frame.with_columns(monetary_value=monetary_value, later_value=pl.Series(later_value))


@EVERY_MODEL
def test_with_known_parameters_the_interval_is_that_of_the_models_own_distribution(truth: OrderModel) -> None:
    frame = simulated_shop(truth, 200, 1)
    intervals = order_interval(truth, frame, YEAR_DAYS)
    tails = 1 - truth.p_orders(frame, YEAR_DAYS, 400).to_numpy()[:, :-1].cumsum(axis=1)
    for name, probability in (("orders_low", 0.1), ("orders_high", 0.9)):
        assert intervals[name].to_list() == (tails > 1 - probability).sum(axis=1).tolist()


@EVERY_MODEL
def test_one_customer_in_ten_spends_more_than_value_high_and_at_most_one_less_than_value_low(truth: OrderModel) -> None:
    frame = simulated_shop(truth, 6_000, 2)
    intervals = value_interval(truth, SPEND, frame, YEAR_DAYS)
    above = int((frame["later_value"] > intervals["value_high"]).sum())
    below = int((frame["later_value"] < intervals["value_low"]).sum())
    can_exceed = truth.p_no_order(frame, YEAR_DAYS).to_numpy() < 0.9
    assert binomtest(above, int(can_exceed.sum()), 0.10).pvalue > 0.001
    assert below <= 0.1 * frame.height
    assert (intervals["value_high"].to_numpy() > 0).tolist() == can_exceed.tolist()


def test_uncertain_parameters_widen_an_interval() -> None:
    frame = simulated_shop(TRUTHS[0], 150, 3)
    fitted = BGNBD().fit(frame)
    certain = BGNBD(**fitted.params)
    fitted_high, certain_high = (order_interval(model, frame, YEAR_DAYS)["orders_high"].sum() for model in (fitted, certain))
    assert fitted_high > certain_high
    widths = [
        total_orders(model, frame, [YEAR_DAYS]).select(pl.col("high") - pl.col("low")).item() for model in (fitted, certain)
    ]
    assert widths[0] > 1.1 * widths[1]


@EVERY_MODEL
@pytest.mark.slow
def test_totals_of_simulated_worlds_lie_within_their_intervals_as_often_as_stated(truth: OrderModel) -> None:
    """The 80 % intervals of orders and of value, with a fit per world: 60 worlds of 400 customers."""
    worlds, orders_within, value_within = 60, 0, 0
    for world in range(worlds):
        frame = simulated_shop(truth, 400, 100 + world)
        model, spend = type(truth)().fit(frame), GammaGamma().fit(frame)
        orders = total_orders(model, frame, [YEAR_DAYS]).row(0, named=True)
        value = total_value(model, spend, frame, [YEAR_DAYS]).row(0, named=True)
        orders_within += orders["low"] <= frame["later_orders"].sum() <= orders["high"]
        value_within += value["low"] <= frame["later_value"].sum() <= value["high"]
    for within in (orders_within, value_within):
        assert binomtest(int(within), worlds, 0.8).pvalue > 0.001, within


def test_cubature_points_have_the_mean_and_covariance_of_the_estimate() -> None:
    fitted = BGNBD().fit(simulated_shop(TRUTHS[0], 1_000, 4))
    log_params = np.log([list(point.params.values()) for point in fitted.cubature_points()])
    values = np.array(list(fitted.params.values()))
    assert log_params.mean(axis=0) == pytest.approx(np.log(values))
    assert np.cov(log_params.T, bias=True) == pytest.approx(fitted.covariance / np.outer(values, values), rel=1e-6)


def test_a_weight_counts_repeated_rows_in_a_total() -> None:
    frame = simulated_shop(TRUTHS[0], 50, 5)
    weighted, repeated = frame.with_columns(weight=pl.lit(3.0)), pl.concat([frame] * 3)
    for actual, expected in (
        (total_orders(TRUTHS[0], weighted, [30.0, YEAR_DAYS]), total_orders(TRUTHS[0], repeated, [30.0, YEAR_DAYS])),
        (total_value(TRUTHS[0], SPEND, weighted, [YEAR_DAYS]), total_value(TRUTHS[0], SPEND, repeated, [YEAR_DAYS])),
    ):
        for name in ("expected", "low", "high"):
            assert actual[name].to_list() == pytest.approx(expected[name].to_list())


def test_spend_with_infinite_variance_has_an_infinite_upper_limit() -> None:
    heavy_tailed, frame = GammaGamma(p=6.0, q=1.5, gamma=60.0), simulated_shop(TRUTHS[0], 50, 6)
    total = total_value(TRUTHS[0], heavy_tailed, frame, [YEAR_DAYS]).row(0, named=True)
    assert (total["low"], total["high"]) == (0.0, np.inf)
    assert np.isfinite(total["expected"])


def test_a_cohorts_orders_are_the_sum_over_its_customers_by_age() -> None:
    ages = pl.Series([10.0, 10.0, 40.0, -5.0])
    at_10, at_40 = TRUTHS[0].expected_orders_of_new([10.0, 40.0])
    assert cohort_orders(TRUTHS[0], ages) == pytest.approx(2 * at_10 + at_40)
    assert cohort_orders(TRUTHS[0], pl.Series([10.0]), pl.Series([7.0])) == pytest.approx(7 * at_10)
