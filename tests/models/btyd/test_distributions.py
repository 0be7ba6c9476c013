"""What the models say beyond means: distributions, discounted orders, next orders, and how all of it hangs together."""

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

KNOWN = [
    BGNBD(0.2425945, 4.4136019, 0.7929199, 2.4258881),
    BGNBD(1.0, 5.0, 2.0, 3.0),
    MBGNBD(0.525, 6.183, 0.891, 1.614),
    ParetoNBD(0.55315, 10.57633, 0.60625, 11.6715),
    ParetoNBD(1.0, 5.0, 1.0, 20.0),
    ParetoNBD(1.0, 5.0, 2.0, 20.0),
]
EACH = pytest.mark.parametrize("model", KNOWN, ids=lambda model: f"{type(model).__name__} {list(model.params.values())[2]}")
ROWS = [(0, 0, 0), (0, 0, 38.86), (2, 30.43, 38.86), (40, 35, 39), (26, 30.86, 31)]
FRAME = pl.DataFrame(ROWS, schema=["frequency", "recency", "T"], orient="row")


@EACH
def test_the_distribution_of_orders_has_their_mean_their_variance_and_their_silence(model: OrderModel) -> None:
    most = 800
    chances = model.p_orders(FRAME, 39.0, most)
    assert chances.columns == [*map(str, range(most + 1)), "more"]
    table, n = chances.to_numpy(), np.arange(most + 1)
    assert table.sum(axis=1) == pytest.approx(1)
    assert table[:, 0] == pytest.approx(model.p_no_order(FRAME, 39.0).to_numpy())
    mean = table[:, :-1] @ n
    assert mean == pytest.approx(model.expected_orders(FRAME, 39.0).to_numpy(), rel=1e-5)
    history = [FRAME[name].cast(pl.Float64).to_numpy() for name in FRAME.columns]
    assert table[:, :-1] @ n**2 - mean**2 == pytest.approx(model.process(FRAME).variance(*history, 39.0), rel=1e-4)


@EACH
def test_discounted_orders_are_the_integral_of_what_comes_each_moment(model: OrderModel) -> None:
    d, h = 0.01, 52.0
    found = model.discounted_orders(FRAME, h, d)
    for row, expected in zip(FRAME.iter_slices(1), found, strict=True):

        def until(u: float, row: pl.DataFrame = row) -> float:
            return math.exp(-d * u) * model.expected_orders(row, u)[0]

        whole = until(h) + d * quad(until, 0, h, epsabs=0, epsrel=1e-9, limit=200)[0]
        assert expected == pytest.approx(whole, rel=1e-7)
    assert model.discounted_orders(FRAME, h, 0.0).to_list() == model.expected_orders(FRAME, h).to_list()


@EACH
def test_discounted_orders_without_end_are_the_limit_of_a_far_horizon(model: OrderModel) -> None:
    assert model.discounted_orders(FRAME, math.inf, 0.01).to_list() == pytest.approx(
        model.discounted_orders(FRAME, 6_000.0, 0.01).to_list(), rel=1e-7
    )


def test_a_pareto_customer_is_worth_the_published_dert() -> None:
    """Fader, Hardie and Lee (2005), doi:10.1509/jmkr.2005.42.4.415, eq. 2, through the confluent hypergeometric function."""
    model, d = ParetoNBD(0.55315, 10.57633, 0.60625, 11.6715), 0.0027
    r, alpha, s, beta = model.params.values()
    x, T = FRAME["frequency"].to_numpy(), FRAME["T"].to_numpy()  # noqa: N806  # the papers' symbol
    dert = model.p_alive(FRAME).to_numpy() * (r + x) / (alpha + T) * (beta + T) * hyperu(1, 2 - s, d * (beta + T))
    assert model.discounted_orders(FRAME, math.inf, d).to_numpy() == pytest.approx(dert, rel=1e-9)


@EACH
def test_orders_without_end_or_discount_exist_only_where_a_mean_lifetime_does(model: OrderModel) -> None:
    ever = model.discounted_orders(FRAME, math.inf, 0.0)
    if list(model.params.values())[2] > 1:
        assert ever.to_list() == pytest.approx(model.expected_orders(FRAME, 1e9).to_list(), rel=1e-3)
    else:
        assert ever.is_infinite().all()


@EACH
def test_the_next_order_comes_by_its_quantiles_with_their_probabilities(model: OrderModel) -> None:
    found = next_order(model, FRAME)
    for name, silent in (("next_order_low", 0.9), ("next_order", 0.5), ("next_order_high", 0.1)):
        for place, wait in enumerate(found[name]):
            if wait is None:
                assert found["p_never"][place] >= silent - 1e-9
            else:
                assert model.p_no_order(FRAME[place], wait)[0] == pytest.approx(silent, abs=1e-6)
    assert (found["next_order_low"].fill_null(0) <= found["next_order"].fill_null(math.inf)).all()
    assert (found["reason"].is_null() == found["next_order"].is_not_null()).all()


def test_who_is_surely_gone_has_no_next_order_and_a_reason() -> None:
    gone = next_order(KNOWN[0], pl.DataFrame({"frequency": [30.0], "recency": [10.0], "T": [300.0]}))
    assert gone.row(0) == (
        pytest.approx(1.0),
        None,
        None,
        None,
        "no further order is expected: the probability that none ever comes is 100 %",
    )


@EACH
def test_a_new_customers_orders_are_those_of_a_history_that_has_just_begun(model: OrderModel) -> None:
    times = [1.0, 10.0, 78.0]
    new = pl.DataFrame({"frequency": [0.0], "recency": [0.0], "T": [0.0]})
    assert model.expected_orders_of_new(times).to_list() == pytest.approx([model.expected_orders(new, t)[0] for t in times])
