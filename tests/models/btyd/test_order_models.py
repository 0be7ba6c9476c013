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
from models.btyd.simulation import simulate_orders
from models.errors import InvalidHistoriesError, NotFittedError, TooLittleDataError

MODELS = [BGNBD, MBGNBD, ParetoNBD]
# Published fits to CDNOW: parameters and log-likelihood, and standard errors where they are published
PUBLISHED = {
    BGNBD: ({"r": 0.2425945, "alpha": 4.4136019, "a": 0.7929199, "b": 2.4258881}, -9582.429),
    MBGNBD: ({"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614}, -9582.136),
    ParetoNBD: ({"r": 0.55315, "alpha": 10.57633, "s": 0.60625, "beta": 11.67150}, -9594.976),
}
STANDARD_ERRORS = {
    BGNBD: {"r": 0.012557, "alpha": 0.378221, "a": 0.185719, "b": 0.705345},
    ParetoNBD: {"r": 0.0476, "alpha": 0.8427, "s": 0.1873, "beta": 6.2105},
}


def customers(*rows: tuple[float, float, float]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["frequency", "recency", "T"], orient="row")


HISTORIES = customers((0, 0, 5), (0, 0, 60), (1, 0, 30), (2, 30.43, 38.86), (26, 30.86, 31), (40, 39, 39), (3000, 300, 301))


@pytest.fixture(scope="session")
def fitted(cdnow_weeks: pl.DataFrame) -> dict[type[OrderModel], OrderModel]:
    return {model_class: model_class().fit(cdnow_weeks) for model_class in MODELS}


@pytest.mark.parametrize("model_class", MODELS)
def test_the_fit_reproduces_the_published_figures(
    model_class: type[OrderModel], fitted: dict[type[OrderModel], OrderModel]
) -> None:
    params, log_likelihood = PUBLISHED[model_class]
    model = fitted[model_class]
    on_a_ridge = {"s", "beta"} if model_class is ParetoNBD else set()
    for name, value in model.params.items():
        assert value == pytest.approx(params[name], rel=1e-3 if name in on_a_ridge or model_class is MBGNBD else 5e-4), name
    assert model.log_likelihood == pytest.approx(log_likelihood, abs=0.01)
    assert model.standard_errors == pytest.approx(model.standard_errors | STANDARD_ERRORS.get(model_class, {}), rel=2e-3)
    assert model.diagnosis == "converged"


@pytest.mark.parametrize("model_class", MODELS)
def test_the_reference_engine_gives_the_same_fit(
    model_class: type[OrderModel], fitted: dict[type[OrderModel], OrderModel], cdnow_weeks: pl.DataFrame
) -> None:
    reference = model_class().fit(cdnow_weeks, engine="lifetimes")
    assert reference.params == pytest.approx(fitted[model_class].params, rel=1e-3)
    assert fitted[model_class].log_likelihood >= reference.log_likelihood - 1e-6


@pytest.mark.parametrize("model_class", MODELS)
def test_the_gradient_is_the_slope_of_the_likelihood(model_class: type[OrderModel]) -> None:
    from models.btyd.histories import build_histories

    likelihood = model_class()._likelihood(build_histories(HISTORIES))  # noqa: SLF001  # the core of the fit deserves its own test
    for params in ([0.5, 6.0, 0.7, 9.0], [2.0, 40.0, 0.1, 0.5], [0.05, 0.3, 12.0, 300.0]):
        point = np.array(params)
        steps = np.diag(point * 1e-6)
        slopes = [(likelihood(point + step)[0] - likelihood(point - step)[0]) / (2 * step.sum()) for step in steps]
        assert likelihood(point)[1] == pytest.approx(slopes, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("model_class", MODELS)
def test_a_weight_counts_repeated_rows(model_class: type[OrderModel], cdnow_weeks: pl.DataFrame) -> None:
    part = cdnow_weeks.head(600)
    repeated = model_class().fit(pl.concat([part, part]))
    weighted = model_class().fit(part.with_columns(weight=pl.lit(2.0)))
    assert weighted.params == pytest.approx(repeated.params, rel=1e-6)
    assert weighted.log_likelihood == pytest.approx(repeated.log_likelihood)


@pytest.mark.parametrize("model_class", MODELS)
def test_the_unit_of_time_changes_only_the_unit_of_the_results(
    model_class: type[OrderModel], fitted: dict[type[OrderModel], OrderModel], cdnow_weeks: pl.DataFrame
) -> None:
    in_weeks, days = fitted[model_class], cdnow_weeks.with_columns(pl.col("recency", "T") * 7)
    in_days = model_class().fit(days)
    expected = {name: value * (7.0 if name in model_class.TIME_PARAMETERS else 1.0) for name, value in in_weeks.params.items()}
    assert in_days.params == pytest.approx(expected, rel=1e-4)
    difference = cdnow_weeks["frequency"].sum() * math.log(7)
    assert in_days.log_likelihood == pytest.approx(in_weeks.log_likelihood - difference)
    assert in_days.p_no_order(days, 70).to_numpy() == pytest.approx(in_weeks.p_no_order(cdnow_weeks, 10).to_numpy(), abs=1e-4)


@pytest.mark.parametrize("model_class", MODELS)
def test_predictions_keep_the_frames_order_and_agree_with_each_other(
    model_class: type[OrderModel], fitted: dict[type[OrderModel], OrderModel]
) -> None:
    model = fitted[model_class]
    alive, no_order, orders = model.p_alive(HISTORIES), model.p_no_order(HISTORIES, 20), model.expected_orders(HISTORIES, 20)
    assert (alive.name, no_order.name, orders.name) == ("p_alive", "p_no_order", "expected_orders")
    assert ((no_order >= 1 - alive) & (no_order <= 1)).all()
    assert (orders >= 1 - no_order - 1e-12).all()
    assert model.p_no_order(HISTORIES.reverse(), 20).reverse().equals(no_order)
    row_by_row = [model.expected_orders(HISTORIES[row : row + 1], 20)[0] for row in range(HISTORIES.height)]
    assert orders.to_list() == pytest.approx(row_by_row, rel=1e-12)
    assert model.expected_orders(HISTORIES, 1e-9).to_list() == pytest.approx([0.0] * HISTORIES.height, abs=1e-6)


TRUTHS = [
    BGNBD(r=1.0, alpha=5.0, a=1.0, b=3.0),
    MBGNBD(r=1.0, alpha=5.0, a=1.0, b=3.0),
    ParetoNBD(r=1.0, alpha=5.0, s=0.8, beta=10.0),
]


def simulated(truth: OrderModel, seed: int, n: int, T: float, h: float) -> pl.DataFrame:  # noqa: N803  # the papers' symbol
    return simulate_orders(truth, pl.DataFrame({"T": [T] * n}), h, np.random.default_rng(seed))


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda model: type(model).__name__)
@pytest.mark.slow
def test_probabilities_agree_with_a_simulation_of_the_model(truth: OrderModel) -> None:
    frame = simulated(truth, 1, 300_000, 10.0, 6.0)
    for x in (0, 1, 2):
        group = frame.filter(pl.col("frequency") == x)
        later = group["later_orders"]
        assert truth.p_no_order(group, 6.0).mean() == pytest.approx((later == 0).mean(), abs=0.006)
        assert truth.expected_orders(group, 6.0).mean() == pytest.approx(later.mean(), abs=0.015)
        probabilities = truth.p_orders(group, 6.0, 3).mean().row(0)
        shares = [*((later == n).mean() for n in range(4)), (later > 3).mean()]
        assert probabilities == pytest.approx(shares, abs=0.006)


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda model: type(model).__name__)
@pytest.mark.slow
def test_true_parameters_are_recovered_within_their_standard_errors(truth: OrderModel) -> None:
    frame = simulated(truth, 2, 50_000, 20.0, 1.0)
    model = type(truth)().fit(frame)
    for name, value in truth.params.items():
        assert abs(model.params[name] - value) < 4 * model.standard_errors[name], (name, model.params, model.standard_errors)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(1.0, 20.0, 10.0)], "1 of 1 different purchase histories have a recency above T"),
        ([(1.5, 5.0, 10.0)], "a frequency that is not a whole number"),
        ([(-1.0, 5.0, 10.0)], "a negative value"),
        ([(math.nan, 5.0, 10.0)], "a null or infinite value"),
        ([(0.0, 5.0, 10.0)], "a recency without a repeat purchase"),
        ([], "no customer to fit"),
    ],
)
@pytest.mark.parametrize("model_class", MODELS)
def test_impossible_histories_are_refused_with_the_problem(
    model_class: type[OrderModel], rows: list[tuple[float, float, float]], message: str
) -> None:
    frame = pl.DataFrame(rows, schema=dict.fromkeys(("frequency", "recency", "T"), pl.Float64), orient="row")
    with pytest.raises(InvalidHistoriesError, match=message):
        model_class().fit(frame)


@pytest.mark.parametrize("model_class", MODELS)
def test_a_missing_column_and_a_model_without_parameters_are_named(model_class: type[OrderModel]) -> None:
    with pytest.raises(InvalidHistoriesError, match="The frame has no column T"):
        model_class().fit(pl.DataFrame({"frequency": [1.0], "recency": [1.0]}))
    with pytest.raises(NotFittedError, match=f"This {model_class.__name__} has no parameters yet"):
        model_class().p_alive(HISTORIES)
    with pytest.raises(NotFittedError, match="was not fitted to data"):
        _ = model_class(1.0, 1.0, 1.0, 1.0).log_likelihood  # type: ignore[call-arg]
    with pytest.raises(TooLittleDataError, match="none of 2 customers has one"):
        model_class().fit(customers((0, 0, 10), (0, 0, 20)), engine="lifetimes")


@pytest.mark.parametrize("model_class", MODELS)
def test_a_model_survives_json_and_its_json_holds_no_customer(
    model_class: type[OrderModel], fitted: dict[type[OrderModel], OrderModel]
) -> None:
    model = fitted[model_class]
    text = json.dumps(model.to_json(), allow_nan=False)
    restored = model_class.from_json(json.loads(text))
    assert restored.params == model.params
    assert restored.covariance.tolist() == model.covariance.tolist()
    assert (restored.log_likelihood, restored.diagnosis) == (model.log_likelihood, model.diagnosis)
    assert restored.p_no_order(HISTORIES, 5).equals(model.p_no_order(HISTORIES, 5))
    assert len(text) < 2_000
    at_boundary = model_class().fit(customers(*((2, 10, 30) for _ in range(200))))
    assert model_class.from_json(json.loads(json.dumps(at_boundary.to_json(), allow_nan=False))).params == at_boundary.params
