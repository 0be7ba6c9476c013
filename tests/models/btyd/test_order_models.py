"""One contract for every model of how orders come and end."""

import json
import math

import numpy as np
import polars as pl
import pytest

from models.btyd.bgnbd import BGNBD
from models.btyd.mbgnbd import MBGNBD
from models.btyd.order_model import OrderModel
from models.btyd.paretonbd import ParetoNBD
from models.btyd.simulation import simulate
from models.errors import InvalidHistoriesError, NotFittedError, TooLittleDataError

MODELS = [BGNBD, MBGNBD, ParetoNBD]
# FACTS of the field on CDNOW: parameters, log-likelihood; standard errors where they are published
PUBLISHED = {
    BGNBD: ({"r": 0.2425945, "alpha": 4.4136019, "a": 0.7929199, "b": 2.4258881}, -9582.429),
    MBGNBD: ({"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614}, -9582.136),
    ParetoNBD: ({"r": 0.55315, "alpha": 10.57633, "s": 0.60625, "beta": 11.67150}, -9594.976),
}
ERRORS = {
    BGNBD: {"r": 0.012557, "alpha": 0.378221, "a": 0.185719, "b": 0.705345},
    ParetoNBD: {"r": 0.0476, "alpha": 0.8427, "s": 0.1873, "beta": 6.2105},
}


def customers(*rows: tuple[float, float, float]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["frequency", "recency", "T"], orient="row")


HISTORIES = customers((0, 0, 5), (0, 0, 60), (1, 0, 30), (2, 30.43, 38.86), (26, 30.86, 31), (40, 39, 39), (3000, 300, 301))


@pytest.fixture(scope="session")
def fitted(cdnow_weeks: pl.DataFrame) -> dict[type[OrderModel], OrderModel]:
    return {model: model().fit(cdnow_weeks) for model in MODELS}


@pytest.mark.parametrize("model", MODELS)
def test_the_fit_reproduces_the_published_figures(model: type[OrderModel], fitted: dict[type[OrderModel], OrderModel]) -> None:
    params, log_likelihood = PUBLISHED[model]
    loose = {"s", "beta"} if model is ParetoNBD else set()
    for name, value in fitted[model].params.items():
        assert value == pytest.approx(params[name], rel=1e-3 if name in loose or model is MBGNBD else 5e-4), name
    assert fitted[model].log_likelihood == pytest.approx(log_likelihood, abs=0.01)
    assert fitted[model].standard_errors == pytest.approx(fitted[model].standard_errors | ERRORS.get(model, {}), rel=2e-3)
    assert fitted[model].diagnosis == "converged"


@pytest.mark.parametrize("model", MODELS)
def test_the_reference_engine_finds_the_same(
    model: type[OrderModel], fitted: dict[type[OrderModel], OrderModel], cdnow_weeks: pl.DataFrame
) -> None:
    theirs = model().fit(cdnow_weeks, engine="lifetimes")
    assert theirs.params == pytest.approx(fitted[model].params, rel=1e-3)
    assert fitted[model].log_likelihood >= theirs.log_likelihood - 1e-6


@pytest.mark.parametrize("model", MODELS)
def test_the_gradient_is_that_of_the_likelihood(model: type[OrderModel]) -> None:
    from models.btyd.histories import histories

    likelihood = model()._likelihood(histories(HISTORIES))  # noqa: SLF001  # the heart of the fit, worth its own test
    for params in ([0.5, 6.0, 0.7, 9.0], [2.0, 40.0, 0.1, 0.5], [0.05, 0.3, 12.0, 300.0]):
        at = np.array(params)
        steps = np.diag(at * 1e-6)
        numeric = [(likelihood(at + step)[0] - likelihood(at - step)[0]) / (2 * step.sum()) for step in steps]
        assert likelihood(at)[1] == pytest.approx(numeric, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_weights_stand_for_repeated_rows(model: type[OrderModel], cdnow_weeks: pl.DataFrame) -> None:
    part = cdnow_weeks.head(600)
    twice, weighted = model().fit(pl.concat([part, part])), model().fit(part.with_columns(weight=pl.lit(2.0)))
    assert weighted.params == pytest.approx(twice.params, rel=1e-6)
    assert weighted.log_likelihood == pytest.approx(twice.log_likelihood)


@pytest.mark.parametrize("model", MODELS)
def test_the_unit_of_time_changes_nothing_but_the_unit(
    model: type[OrderModel], fitted: dict[type[OrderModel], OrderModel], cdnow_weeks: pl.DataFrame
) -> None:
    in_days = cdnow_weeks.with_columns(pl.col("recency", "T") * 7)
    days = model().fit(in_days)
    scale = {name: 7.0 if name in model.TIMES else 1.0 for name in model.PARAMETERS}
    assert days.params == pytest.approx({name: value * scale[name] for name, value in fitted[model].params.items()}, rel=1e-4)
    lost = cdnow_weeks["frequency"].sum() * math.log(7)
    assert days.log_likelihood == pytest.approx(fitted[model].log_likelihood - lost)
    same = days.p_no_order(in_days, 70).to_numpy()
    assert same == pytest.approx(fitted[model].p_no_order(cdnow_weeks, 10).to_numpy(), abs=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_predictions_keep_the_frames_order_and_agree_with_each_other(
    model: type[OrderModel], fitted: dict[type[OrderModel], OrderModel]
) -> None:
    found = fitted[model]
    alive, silent, orders = found.p_alive(HISTORIES), found.p_no_order(HISTORIES, 20), found.expected_orders(HISTORIES, 20)
    assert (alive.name, silent.name, orders.name) == ("p_alive", "p_no_order", "expected_orders")
    assert ((silent >= 1 - alive) & (silent <= 1)).all()
    assert (orders >= 1 - silent - 1e-12).all()
    assert found.p_no_order(HISTORIES.reverse(), 20).reverse().equals(silent)
    one_by_one = [found.expected_orders(HISTORIES[row : row + 1], 20)[0] for row in range(HISTORIES.height)]
    assert orders.to_list() == pytest.approx(one_by_one, rel=1e-12)
    assert found.expected_orders(HISTORIES, 1e-9).to_list() == pytest.approx([0.0] * HISTORIES.height, abs=1e-6)


TRUTHS = [BGNBD(1.0, 5.0, 1.0, 3.0), MBGNBD(1.0, 5.0, 1.0, 3.0), ParetoNBD(1.0, 5.0, 0.8, 10.0)]


def drawn(truth: OrderModel, seed: int, n: int, T: float, h: float) -> pl.DataFrame:  # noqa: N803  # the papers' symbol
    return simulate(truth, pl.DataFrame({"T": [T] * n}), h, np.random.default_rng(seed))


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda model: type(model).__name__)
def test_probabilities_agree_with_a_simulation_of_the_model(truth: OrderModel) -> None:
    frame = drawn(truth, 1, 300_000, 10.0, 6.0)
    for x in (0, 1, 2):
        alike = frame.filter(pl.col("frequency") == x)
        later = alike["later_orders"]
        assert truth.p_no_order(alike, 6.0).mean() == pytest.approx((later == 0).mean(), abs=0.006)
        assert truth.expected_orders(alike, 6.0).mean() == pytest.approx(later.mean(), abs=0.015)
        chances = truth.p_orders(alike, 6.0, 3).mean().row(0)
        seen = [*((later == n).mean() for n in range(4)), (later > 3).mean()]
        assert chances == pytest.approx(seen, abs=0.006)


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda model: type(model).__name__)
def test_the_truth_is_found_again_within_its_standard_errors(truth: OrderModel) -> None:
    frame = drawn(truth, 2, 50_000, 20.0, 1.0)
    found = type(truth)().fit(frame)
    for name, value in truth.params.items():
        assert abs(found.params[name] - value) < 4 * found.standard_errors[name], (name, found.params, found.standard_errors)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([(1.0, 20.0, 10.0)], "1 of 1 different purchase histories have a recency above T"),
        ([(1.5, 5.0, 10.0)], "a frequency that is no whole number"),
        ([(-1.0, 5.0, 10.0)], "a negative value"),
        ([(math.nan, 5.0, 10.0)], "a null or infinite value"),
        ([(0.0, 5.0, 10.0)], "a recency without a repeat purchase"),
        ([], "no customer to fit"),
    ],
)
@pytest.mark.parametrize("model", MODELS)
def test_histories_that_cannot_be_are_refused_in_words(
    model: type[OrderModel], rows: list[tuple[float, float, float]], said: str
) -> None:
    frame = pl.DataFrame(rows, schema=dict.fromkeys(("frequency", "recency", "T"), pl.Float64), orient="row")
    with pytest.raises(InvalidHistoriesError, match=said):
        model().fit(frame)


@pytest.mark.parametrize("model", MODELS)
def test_a_missing_column_and_a_model_without_parameters_are_named(model: type[OrderModel]) -> None:
    with pytest.raises(InvalidHistoriesError, match="The frame has no column T"):
        model().fit(pl.DataFrame({"frequency": [1.0], "recency": [1.0]}))
    with pytest.raises(NotFittedError, match=f"This {model.__name__} has no parameters yet"):
        model().p_alive(HISTORIES)
    with pytest.raises(NotFittedError, match="was not fitted to data"):
        _ = model(1.0, 1.0, 1.0, 1.0).log_likelihood  # type: ignore[call-arg]
    with pytest.raises(TooLittleDataError, match="none of 2 customers has one"):
        model().fit(customers((0, 0, 10), (0, 0, 20)), engine="lifetimes")


@pytest.mark.parametrize("model", MODELS)
def test_a_model_survives_as_json_without_a_customer_in_it(
    model: type[OrderModel], fitted: dict[type[OrderModel], OrderModel]
) -> None:
    text = json.dumps(fitted[model].to_json(), allow_nan=False)
    again = model.from_json(json.loads(text))
    assert again.params == fitted[model].params
    assert again.covariance.tolist() == fitted[model].covariance.tolist()
    assert (again.log_likelihood, again.diagnosis) == (fitted[model].log_likelihood, fitted[model].diagnosis)
    assert again.p_no_order(HISTORIES, 5).equals(fitted[model].p_no_order(HISTORIES, 5))
    assert len(text) < 2_000
    at_edge = model().fit(customers(*((2, 10, 30) for _ in range(200))))
    assert model.from_json(json.loads(json.dumps(at_edge.to_json(), allow_nan=False))).params == at_edge.params
