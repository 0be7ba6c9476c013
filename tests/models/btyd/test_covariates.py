import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from models.btyd.bgnbd import BGNBD
from models.btyd.covariates import Covariate, CovariateLikelihood
from models.btyd.histories import Histories, histories
from models.btyd.mbgnbd import MBGNBD
from models.btyd.order_model import OrderModel
from models.btyd.paretonbd import ParetoNBD
from models.btyd.simulation import simulate
from models.errors import InvalidHistoriesError

TRUTHS = [BGNBD(0.6, 60.0, 0.5, 2.5), MBGNBD(0.6, 60.0, 0.5, 2.5), ParetoNBD(0.6, 60.0, 0.6, 200.0)]
EACH = pytest.mark.parametrize("truth", TRUTHS, ids=lambda model: type(model).__name__)
ACTING = (
    Covariate("rate", "channel", "web", 0.5),
    Covariate("dropout", "complaints", None, 0.3),
    Covariate("dropout", "channel", "web", -0.4),
)
COLUMNS = {"rate": ["channel"], "dropout": ["complaints", "channel"]}


def customers(truth: OrderModel, n: int, seed: int = 1) -> pl.DataFrame:
    """Drawn from the truth with ACTING; most buy in the shop, some on the web."""
    rng = np.random.default_rng(seed)
    traits = {"channel": rng.choice(["shop", "web"], n, p=[0.7, 0.3]), "complaints": rng.poisson(1.0, n), "nil": np.zeros(n)}
    frame = pl.DataFrame({"T": np.ceil(rng.uniform(100, 730, n))} | traits)
    return simulate(replace(truth, covariates=ACTING), frame, 365.0, rng)


@EACH
def test_true_effects_are_found_again_within_their_standard_errors(truth: OrderModel) -> None:
    frame = customers(truth, 8_000)
    found = type(truth)().fit(frame, **COLUMNS)
    assert found.names == (*truth.PARAMETERS, "rate:channel=web", "dropout:complaints", "dropout:channel=web")
    for name, value in {**truth.params, **{each.name: each.coefficient for each in ACTING}}.items():
        estimate = {**found.params, **found.coefficients}[name]
        assert abs(estimate - value) < 4 * found.standard_errors[name], (name, estimate, found.standard_errors)
    assert found.log_likelihood > type(truth)().fit(frame).log_likelihood + 50
    assert found.diagnosis == "converged"


@EACH
def test_covariates_that_are_zero_are_none(truth: OrderModel) -> None:
    frame = customers(truth, 1_000)
    plain, zero = type(truth)().fit(frame), type(truth)().fit(frame, rate=["nil"], dropout=["nil"])
    assert zero.params == plain.params
    assert zero.log_likelihood == plain.log_likelihood
    assert zero.coefficients == {"rate:nil": 0.0, "dropout:nil": 0.0}
    assert zero.diagnosis == "converged; the same for everybody: rate:nil, dropout:nil"
    assert zero.p_no_order(frame, 90).equals(plain.p_no_order(frame, 90))
    assert len(zero.cubature_points()) == len(plain.cubature_points())
    none = replace(plain, covariates=tuple(replace(each, coefficient=0.0) for each in ACTING))
    assert none.expected_orders(frame, 90).to_list() == pytest.approx(plain.expected_orders(frame, 90).to_list(), rel=1e-12)


@EACH
def test_the_scale_and_the_origin_of_a_number_change_nothing_but_its_coefficient(truth: OrderModel) -> None:
    frame = customers(truth, 2_000)
    moved = frame.with_columns(pl.col("complaints") * 1_000 + 50_000)
    first, second = (type(truth)().fit(each, dropout=["complaints"]) for each in (frame, moved))
    assert second.coefficients["dropout:complaints"] * 1_000 == pytest.approx(first.coefficients["dropout:complaints"], rel=1e-3)
    assert second.standard_errors["dropout:complaints"] * 1_000 == pytest.approx(
        first.standard_errors["dropout:complaints"], rel=1e-2
    )
    assert second.p_no_order(moved, 90).to_list() == pytest.approx(first.p_no_order(frame, 90).to_list(), abs=1e-4)


@EACH
def test_each_group_is_predicted_as_the_model_with_its_parameters(truth: OrderModel) -> None:
    frame = customers(truth, 300).with_columns(complaints=pl.lit(2), channel=pl.lit("web"))
    rate, leaving = np.exp(0.5), np.exp(2 * 0.3 - 0.4)
    own = {"alpha": truth.params["alpha"] / rate}
    own |= {"a": truth.params["a"] * leaving} if "a" in truth.params else {"beta": truth.params["beta"] / leaving}
    alike, whole = replace(truth, **own), replace(truth, covariates=ACTING)
    for h in (30.0, 365.0):
        assert whole.p_no_order(frame, h).to_list() == pytest.approx(alike.p_no_order(frame, h).to_list(), rel=1e-9)
        assert whole.expected_orders(frame, h).to_list() == pytest.approx(alike.expected_orders(frame, h).to_list(), rel=1e-9)
        assert whole.discounted_orders(frame, h, 0.001).to_list() == pytest.approx(
            alike.discounted_orders(frame, h, 0.001).to_list(), rel=1e-9
        )


@EACH
def test_row_by_row_the_likelihood_is_the_same_and_its_gradient_is_its_slope(truth: OrderModel) -> None:
    frame = customers(truth, 200)
    data = histories(frame, [each.values for each in ACTING])
    placed = [truth.RATE if each.part == "rate" else truth.DROPOUT for each in ACTING]

    def by_row(params: np.ndarray, data: Histories) -> tuple[np.ndarray, np.ndarray]:
        return truth._by_row(params, data)  # noqa: SLF001  # the heart of the fit, worth its own test

    likelihood = CovariateLikelihood(by_row, data, placed, 4)
    own = np.array(list(truth.params.values()))
    without = np.concatenate([own, np.ones(3)])
    value, gradient = truth._likelihood(histories(frame))(own)  # noqa: SLF001
    assert likelihood(without)[0] == pytest.approx(value)
    assert likelihood(without)[1][:4] == pytest.approx(gradient, rel=1e-6, abs=1e-6)
    at = np.concatenate([own * 1.2, np.exp([0.4, 0.2, -0.3])])
    steps = np.diag(at * 1e-6)
    slopes = [(likelihood(at + step)[0] - likelihood(at - step)[0]) / (2 * step.sum()) for step in steps]
    assert likelihood(at)[1] == pytest.approx(slopes, rel=1e-4, abs=1e-4)


def test_a_model_with_covariates_survives_as_json_and_a_new_word_counts_as_the_most_frequent() -> None:
    frame = customers(TRUTHS[0], 2_000)
    found = BGNBD().fit(frame, **COLUMNS)
    again = BGNBD.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False)))
    assert again.coefficients == found.coefficients
    assert again.covariance.tolist() == found.covariance.tolist()
    assert again.p_no_order(frame, 90).equals(found.p_no_order(frame, 90))
    new, shop = frame.with_columns(channel=pl.lit("fax")), frame.with_columns(channel=pl.lit("shop"))
    assert found.p_no_order(new, 90).equals(found.p_no_order(shop, 90))


def test_covariates_that_cannot_be_used_are_named() -> None:
    frame = customers(TRUTHS[0], 100)
    with pytest.raises(InvalidHistoriesError, match="no column size, which was named as a covariate"):
        BGNBD().fit(frame, rate=["size"])
    with pytest.raises(InvalidHistoriesError, match="channel is missing for 100 of 100 customers"):
        BGNBD().fit(frame.with_columns(channel=pl.lit(None, dtype=pl.String)), rate=["channel"])
    with pytest.raises(InvalidHistoriesError, match="has 100 different words; at most 50"):
        BGNBD().fit(frame.with_columns(channel=pl.int_range(100).cast(pl.String)), rate=["channel"])
    with pytest.raises(InvalidHistoriesError, match="knows no covariates"):
        BGNBD().fit(frame, engine="lifetimes", rate=["channel"])


def test_with_too_few_repeat_buyers_covariates_stay_out() -> None:
    few = pl.DataFrame({"frequency": [1.0, 0, 2], "recency": [5.0, 0, 9], "T": [10.0, 20, 30], "channel": ["web", "shop", "web"]})
    found = BGNBD().fit(few, rate=["channel"])
    assert found.coefficients == {"rate:channel=shop": 0.0}
    assert found.diagnosis.startswith("too little data")
