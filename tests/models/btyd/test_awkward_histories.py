"""Two hundred data sets on which other packages fail: each gives a fit with valid predictions and a diagnosis."""

import math
import warnings
from collections.abc import Iterator
from itertools import product

import numpy as np
import polars as pl
import pytest

from models.btyd.bgnbd import BGNBD
from models.btyd.gamma_gamma import GammaGamma
from models.btyd.mbgnbd import MBGNBD
from models.btyd.order_model import OrderModel
from models.btyd.paretonbd import ParetoNBD

pytestmark = pytest.mark.slow

MODELS = [BGNBD, MBGNBD, ParetoNBD]
DIAGNOSES = ("converged", "at a boundary", "too little data", "did not converge fully")
UNITS = {"days": 1.0, "years": 1 / 365, "seconds": 86_400.0, "centuries": 1 / 36_500}
SIZES = (1, 2, 9, 11, 60)


def populations(n: int) -> dict[str, list[tuple[float, float, float]]]:
    """Unusual populations of `n` customers, in days."""
    rng = np.random.default_rng(n)
    mixed = [(float(x), float(t) if x else 0.0, 400.0) for x, t in zip(rng.poisson(2, n), rng.uniform(0, 400, n), strict=True)]
    return {
        "only one-time buyers": [(0, 0, 10 + index) for index in range(n)],
        "customers of today": [(0, 0, 0) for _ in range(n)],
        "no dropout": [(30 + index, 300, 300) for index in range(n)],
        "everyone dropped out": [(1 + index % 3, 5, 1_000) for index in range(n)],
        "huge counts": [(5_000 + index, 990, 1_000) for index in range(n)],
        "identical": [(2, 10, 30) for _ in range(n)],
        "repeats on the first day": [(1 + index % 2, 0, 30) for index in range(n)],
        "repeats on the last day": [(1 + index % 2, 30, 30) for index in range(n)],
        "one giant among one-time buyers": [(3_000, 900, 901), *((0, 0, 900) for _ in range(n - 1))],
        "observed for one day or ten years": [(index % 2 * 5, index % 2 * 3_000, 1 + index % 2 * 3_649) for index in range(n)],
    } | ({"ordinary": mixed} if n > 9 else {})


def cases() -> Iterator[tuple[str, pl.DataFrame]]:
    for n, (unit, factor) in product(SIZES, UNITS.items()):
        for name, rows in populations(n).items():
            frame = pl.DataFrame(rows, schema=dict.fromkeys(("frequency", "recency", "T"), pl.Float64), orient="row")
            yield f"{n} x {name}, {unit}", frame.with_columns(pl.col("recency", "T") * factor)


CASES = dict(cases())


def test_there_are_at_least_two_hundred_data_sets() -> None:
    assert len(CASES) >= 200


@pytest.mark.parametrize("name", CASES)
def test_awkward_data_give_finite_parameters_and_a_diagnosis_without_a_warning(name: str) -> None:
    frame = CASES[name]
    h = max(float(frame["T"].max()), 1e-3)  # type: ignore[arg-type]  # the maximum of floats is a float
    for model_class in MODELS:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = model_class().fit(frame)
            _assert_valid_predictions(model, frame, h)
            _assert_valid_predictions(model.cubature_points()[0], frame, h)
        assert math.isfinite(model.log_likelihood)
        assert model.diagnosis.startswith(DIAGNOSES), model.diagnosis


def test_weights_duplicate_rows_and_integer_columns_give_the_same_fit() -> None:
    frame = CASES["11 x ordinary, days"].with_columns(pl.col("frequency").cast(pl.Int32), pl.col("T").cast(pl.Int64))
    repeated = pl.concat([frame] * 50)
    for model_class in MODELS:
        weighted = model_class().fit(frame.with_columns(weight=50))
        assert model_class().fit(repeated).params == pytest.approx(weighted.params, rel=1e-6)


@pytest.mark.parametrize(
    "spend", [[5.0] * 40, [1e-9, 1e9] * 20, [float(2**exponent) for exponent in range(40)], [0.0] * 40, [-3.0] * 40]
)
def test_awkward_spend_gives_a_mean_per_order_and_a_diagnosis(spend: list[float]) -> None:
    frame = pl.DataFrame({"frequency": [1.0, 3.0] * 20, "monetary_value": spend})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = GammaGamma().fit(frame)
        expected = model.expected_spend(frame)
    assert (expected.is_finite() & (expected >= 0)).all()
    assert model.diagnosis


def _assert_valid_predictions(model: OrderModel, frame: pl.DataFrame, h: float) -> None:
    assert all(math.isfinite(value) and value > 0 for value in model.params.values()), model.params
    for column in (model.p_alive(frame), model.p_no_order(frame, h)):
        assert column.is_between(0, 1).all()
    for column in (model.expected_orders(frame, h), model.discounted_orders(frame, math.inf, 0.1 / h)):
        assert (column.is_finite() & (column >= 0)).all(), (model, column)
