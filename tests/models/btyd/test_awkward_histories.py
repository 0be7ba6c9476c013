"""Two hundred data sets that break fits elsewhere: each gives a fit with sensible predictions, or a sentence."""

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

MODELS = [BGNBD, MBGNBD, ParetoNBD]
SAID = ("converged", "at a boundary", "too little data", "did not converge fully")
UNITS = {"days": 1.0, "years": 1 / 365, "seconds": 86_400.0, "centuries": 1 / 36_500}
SIZES = (1, 2, 9, 11, 60)


def shapes(n: int) -> dict[str, list[tuple[float, float, float]]]:
    """Customers of one strange kind, in days."""
    rng = np.random.default_rng(n)
    mixed = [(float(x), float(t) if x else 0.0, 400.0) for x, t in zip(rng.poisson(2, n), rng.uniform(0, 400, n), strict=True)]
    return {
        "only one-time buyers": [(0, 0, 10 + place) for place in range(n)],
        "customers of today": [(0, 0, 0) for _ in range(n)],
        "no dropout": [(30 + place, 300, 300) for place in range(n)],
        "everyone dropped out": [(1 + place % 3, 5, 1_000) for place in range(n)],
        "huge counts": [(5_000 + place, 990, 1_000) for place in range(n)],
        "all alike": [(2, 10, 30) for _ in range(n)],
        "repeats on the first day": [(1 + place % 2, 0, 30) for place in range(n)],
        "repeats on the last day": [(1 + place % 2, 30, 30) for place in range(n)],
        "one giant among one-time buyers": [(3_000, 900, 901), *((0, 0, 900) for _ in range(n - 1))],
        "seen for a day or for ten years": [(place % 2 * 5, place % 2 * 3_000, 1 + place % 2 * 3_649) for place in range(n)],
    } | ({"ordinary": mixed} if n > 9 else {})


def cases() -> Iterator[tuple[str, pl.DataFrame]]:
    for n, (unit, factor) in product(SIZES, UNITS.items()):
        for name, rows in shapes(n).items():
            frame = pl.DataFrame(rows, schema=dict.fromkeys(("frequency", "recency", "T"), pl.Float64), orient="row")
            yield f"{n} x {name}, {unit}", frame.with_columns(pl.col("recency", "T") * factor)


CASES = dict(cases())


def test_there_are_two_hundred_of_them() -> None:
    assert len(CASES) >= 200


@pytest.mark.parametrize("name", CASES)
def test_awkward_data_give_finite_parameters_and_a_diagnosis_without_a_warning(name: str) -> None:
    frame = CASES[name]
    h = max(float(frame["T"].max()), 1e-3)  # type: ignore[arg-type]  # the maximum of floats is one
    for model in MODELS:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = model().fit(frame)
            _sensible(found, frame, h)
            _sensible(found.cubature_points()[0], frame, h)
        assert math.isfinite(found.log_likelihood)
        assert found.diagnosis.startswith(SAID), found.diagnosis


def test_weights_duplicates_and_whole_numbers_are_the_same_data() -> None:
    frame = CASES["11 x ordinary, days"].with_columns(pl.col("frequency").cast(pl.Int32), pl.col("T").cast(pl.Int64))
    many = pl.concat([frame] * 50)
    for model in MODELS:
        heavy = model().fit(frame.with_columns(weight=50))
        assert model().fit(many).params == pytest.approx(heavy.params, rel=1e-6)


@pytest.mark.parametrize(
    "spend", [[5.0] * 40, [1e-9, 1e9] * 20, [float(2**place) for place in range(40)], [0.0] * 40, [-3.0] * 40]
)
def test_awkward_spend_gives_a_mean_per_order_and_a_diagnosis(spend: list[float]) -> None:
    frame = pl.DataFrame({"frequency": [1.0, 3.0] * 20, "monetary_value": spend})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = GammaGamma().fit(frame)
        expected = found.expected_spend(frame)
    assert (expected.is_finite() & (expected >= 0)).all()
    assert found.diagnosis


def _sensible(model: OrderModel, frame: pl.DataFrame, h: float) -> None:
    assert all(math.isfinite(value) and value > 0 for value in model.params.values()), model.params
    for column in (model.p_alive(frame), model.p_no_order(frame, h)):
        assert column.is_between(0, 1).all()
    for column in (model.expected_orders(frame, h), model.discounted_orders(frame, math.inf, 0.1 / h)):
        assert (column.is_finite() & (column >= 0)).all(), (model, column)
