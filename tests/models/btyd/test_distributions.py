"""What the models predict beyond means: distributions, discounted orders and next orders, and how they agree."""

import math

import numpy as np
import polars as pl
import pytest
from scipy.integrate import quad
from scipy.special import hyperu

from models.btyd.bgnbd import BGNBD
from models.btyd.mbgnbd import MBGNBD
from models.btyd.next_order import next_order
from models.btyd.order_model import OrderModel
from models.btyd.paretonbd import ParetoNBD

MODELS = [
    BGNBD(r=0.2425945, alpha=4.4136019, a=0.7929199, b=2.4258881),
    BGNBD(r=1.0, alpha=5.0, a=2.0, b=3.0),
    MBGNBD(r=0.525, alpha=6.183, a=0.891, b=1.614),
    ParetoNBD(r=0.55315, alpha=10.57633, s=0.60625, beta=11.6715),
    ParetoNBD(r=1.0, alpha=5.0, s=1.0, beta=20.0),
    ParetoNBD(r=1.0, alpha=5.0, s=2.0, beta=20.0),
]
EVERY_MODEL = pytest.mark.parametrize(
    "model", MODELS, ids=lambda model: f"{type(model).__name__} {list(model.params.values())[2]}"
)
ROWS = [(0, 0, 0), (0, 0, 38.86), (2, 30.43, 38.86), (40, 35, 39), (26, 30.86, 31)]
FRAME = pl.DataFrame(ROWS, schema=["frequency", "recency", "T"], orient="row")


@EVERY_MODEL
def test_the_distribution_of_orders_agrees_with_mean_variance_and_p_no_order(model: OrderModel) -> None:
    max_orders = 800
    distribution = model.p_orders(FRAME, 39.0, max_orders)
    assert distribution.columns == [*map(str, range(max_orders + 1)), "more"]
    probabilities, n = distribution.to_numpy(), np.arange(max_orders + 1)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    assert probabilities[:, 0] == pytest.approx(model.p_no_order(FRAME, 39.0).to_numpy())
    mean = probabilities[:, :-1] @ n
    assert mean == pytest.approx(model.expected_orders(FRAME, 39.0).to_numpy(), rel=1e-5)
    history = [FRAME[name].cast(pl.Float64).to_numpy() for name in FRAME.columns]
    variance = model.process(FRAME).variance(*history, 39.0)
    assert probabilities[:, :-1] @ n**2 - mean**2 == pytest.approx(variance, rel=1e-4)


@EVERY_MODEL
def test_discounted_orders_are_the_integral_over_discounted_moments(model: OrderModel) -> None:
    d, h = 0.01, 52.0
    discounted = model.discounted_orders(FRAME, h, d)
    for row, actual in zip(FRAME.iter_slices(1), discounted, strict=True):

        def integrand(u: float, row: pl.DataFrame = row) -> float:
            return math.exp(-d * u) * model.expected_orders(row, u)[0]

        expected = integrand(h) + d * quad(integrand, 0, h, epsabs=0, epsrel=1e-9, limit=200)[0]
        assert actual == pytest.approx(expected, rel=1e-7)
    assert model.discounted_orders(FRAME, h, 0.0).to_list() == model.expected_orders(FRAME, h).to_list()


@EVERY_MODEL
def test_discounted_orders_with_an_infinite_horizon_are_the_limit_of_a_long_one(model: OrderModel) -> None:
    assert model.discounted_orders(FRAME, math.inf, 0.01).to_list() == pytest.approx(
        model.discounted_orders(FRAME, 6_000.0, 0.01).to_list(), rel=1e-7
    )


def test_discounted_orders_of_the_pareto_nbd_equal_the_published_dert() -> None:
    """Fader, Hardie and Lee (2005), doi:10.1509/jmkr.2005.42.4.415, eq. 2, through the confluent hypergeometric function."""
    model, d = ParetoNBD(r=0.55315, alpha=10.57633, s=0.60625, beta=11.6715), 0.0027
    r, alpha, s, beta = model.params.values()
    x, T = FRAME["frequency"].to_numpy(), FRAME["T"].to_numpy()  # noqa: N806  # the papers' symbol
    dert = model.p_alive(FRAME).to_numpy() * (r + x) / (alpha + T) * (beta + T) * hyperu(1, 2 - s, d * (beta + T))
    assert model.discounted_orders(FRAME, math.inf, d).to_numpy() == pytest.approx(dert, rel=1e-9)


@EVERY_MODEL
def test_undiscounted_orders_over_an_infinite_horizon_exist_only_with_a_mean_lifetime(model: OrderModel) -> None:
    orders = model.discounted_orders(FRAME, math.inf, 0.0)
    if list(model.params.values())[2] > 1:
        assert orders.to_list() == pytest.approx(model.expected_orders(FRAME, 1e9).to_list(), rel=1e-3)
    else:
        assert orders.is_infinite().all()


@EVERY_MODEL
def test_next_order_times_are_quantiles_of_the_waiting_time(model: OrderModel) -> None:
    times = next_order(model, FRAME)
    for name, p_still_waiting in (("next_order_low", 0.9), ("next_order", 0.5), ("next_order_high", 0.1)):
        for row, wait in enumerate(times[name]):
            if wait is None:
                assert times["p_never"][row] >= p_still_waiting - 1e-9
            else:
                assert model.p_no_order(FRAME[row], wait)[0] == pytest.approx(p_still_waiting, abs=1e-6)
    assert (times["next_order_low"].fill_null(0) <= times["next_order"].fill_null(math.inf)).all()
    assert (times["reason"].is_null() == times["next_order"].is_not_null()).all()


def test_a_customer_who_has_almost_certainly_left_has_no_next_order_and_a_reason() -> None:
    gone = next_order(MODELS[0], pl.DataFrame({"frequency": [30.0], "recency": [10.0], "T": [300.0]}))
    assert gone.row(0) == (
        pytest.approx(1.0),
        None,
        None,
        None,
        "no further order is expected: the probability that none ever comes is 100 %",
    )


@EVERY_MODEL
def test_expected_orders_of_a_new_customer_are_those_of_an_empty_history(model: OrderModel) -> None:
    times = [1.0, 10.0, 78.0]
    new = pl.DataFrame({"frequency": [0.0], "recency": [0.0], "T": [0.0]})
    assert model.expected_orders_of_new(times).to_list() == pytest.approx([model.expected_orders(new, t)[0] for t in times])
