import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from models.btyd.bgnbd import BGNBD
from models.btyd.covariates import Covariate, CovariateLikelihood
from models.btyd.histories import Histories, build_histories
from models.btyd.mbgnbd import MBGNBD
from models.btyd.order_model import OrderModel
from models.btyd.paretonbd import ParetoNBD
from models.btyd.simulation import simulate_orders
from models.errors import InvalidHistoriesError

TRUTHS = [
    BGNBD(r=0.6, alpha=60.0, a=0.5, b=2.5),
    MBGNBD(r=0.6, alpha=60.0, a=0.5, b=2.5),
    ParetoNBD(r=0.6, alpha=60.0, s=0.6, beta=200.0),
]
EVERY_MODEL = pytest.mark.parametrize("truth", TRUTHS, ids=lambda model: type(model).__name__)
COVARIATES = (
    Covariate(part="rate", column="channel", level="web", coefficient=0.5),
    Covariate(part="dropout", column="complaints", coefficient=0.3),
    Covariate(part="dropout", column="channel", level="web", coefficient=-0.4),
)
COLUMNS = {"rate": ["channel"], "dropout": ["complaints", "channel"]}


def customers(truth: OrderModel, n: int, seed: int = 1) -> pl.DataFrame:
    """Customers simulated from the truth with COVARIATES; most buy in the shop, some on the web."""
    rng = np.random.default_rng(seed)
    traits = {"channel": rng.choice(["shop", "web"], n, p=[0.7, 0.3]), "complaints": rng.poisson(1.0, n), "zero": np.zeros(n)}
    frame = pl.DataFrame({"T": np.ceil(rng.uniform(100, 730, n))} | traits)
    return simulate_orders(replace(truth, covariates=COVARIATES), frame, 365.0, rng)


@EVERY_MODEL
def test_true_effects_are_recovered_within_their_standard_errors(truth: OrderModel) -> None:
    frame = customers(truth, 8_000)
    fitted = type(truth)().fit(frame, **COLUMNS)
    assert fitted.parameter_names == (*truth.PARAMETERS, "rate:channel=web", "dropout:complaints", "dropout:channel=web")
    true_values = {**truth.params, **{covariate.name: covariate.coefficient for covariate in COVARIATES}}
    for name, value in true_values.items():
        estimate = {**fitted.params, **fitted.coefficients}[name]
        assert abs(estimate - value) < 4 * fitted.standard_errors[name], (name, estimate, fitted.standard_errors)
    assert fitted.log_likelihood > type(truth)().fit(frame).log_likelihood + 50
    assert fitted.diagnosis == "converged"


@EVERY_MODEL
def test_constant_covariates_and_coefficients_of_zero_change_nothing(truth: OrderModel) -> None:
    frame = customers(truth, 1_000)
    plain, constant = type(truth)().fit(frame), type(truth)().fit(frame, rate=["zero"], dropout=["zero"])
    assert constant.params == plain.params
    assert constant.log_likelihood == plain.log_likelihood
    assert constant.coefficients == {"rate:zero": 0.0, "dropout:zero": 0.0}
    assert constant.diagnosis == "converged; constant covariates: rate:zero, dropout:zero"
    assert constant.p_no_order(frame, 90).equals(plain.p_no_order(frame, 90))
    assert len(constant.cubature_points()) == len(plain.cubature_points())
    without_effect = replace(plain, covariates=tuple(replace(covariate, coefficient=0.0) for covariate in COVARIATES))
    expected = plain.expected_orders(frame, 90).to_list()
    assert without_effect.expected_orders(frame, 90).to_list() == pytest.approx(expected, rel=1e-12)


@EVERY_MODEL
def test_rescaling_a_covariate_rescales_only_its_coefficient(truth: OrderModel) -> None:
    frame = customers(truth, 2_000)
    rescaled = frame.with_columns(pl.col("complaints") * 1_000 + 50_000)
    first, second = (type(truth)().fit(data, dropout=["complaints"]) for data in (frame, rescaled))
    assert second.coefficients["dropout:complaints"] * 1_000 == pytest.approx(first.coefficients["dropout:complaints"], rel=1e-3)
    assert second.standard_errors["dropout:complaints"] * 1_000 == pytest.approx(
        first.standard_errors["dropout:complaints"], rel=1e-2
    )
    assert second.p_no_order(rescaled, 90).to_list() == pytest.approx(first.p_no_order(frame, 90).to_list(), abs=1e-4)


@EVERY_MODEL
def test_a_group_is_predicted_like_a_model_with_the_groups_parameters(truth: OrderModel) -> None:
    frame = customers(truth, 300).with_columns(complaints=pl.lit(2), channel=pl.lit("web"))
    rate_factor, dropout_factor = np.exp(0.5), np.exp(2 * 0.3 - 0.4)
    params = {"alpha": truth.params["alpha"] / rate_factor}
    if "a" in truth.params:
        params["a"] = truth.params["a"] * dropout_factor
    else:
        params["beta"] = truth.params["beta"] / dropout_factor
    group_model, covariate_model = replace(truth, **params), replace(truth, covariates=COVARIATES)
    for h in (30.0, 365.0):
        for actual, expected in (
            (covariate_model.p_no_order(frame, h), group_model.p_no_order(frame, h)),
            (covariate_model.expected_orders(frame, h), group_model.expected_orders(frame, h)),
            (covariate_model.discounted_orders(frame, h, 0.001), group_model.discounted_orders(frame, h, 0.001)),
        ):
            assert actual.to_list() == pytest.approx(expected.to_list(), rel=1e-9)


@EVERY_MODEL
def test_the_likelihood_by_row_has_the_same_value_and_its_gradient_is_its_slope(truth: OrderModel) -> None:
    frame = customers(truth, 200)
    data = build_histories(frame, [covariate.expression for covariate in COVARIATES])
    placements = [truth.RATE if covariate.part == "rate" else truth.DROPOUT for covariate in COVARIATES]

    def by_row(params: np.ndarray, data: Histories) -> tuple[np.ndarray, np.ndarray]:
        return truth._log_likelihood_by_row(params, data)  # noqa: SLF001  # the core of the fit deserves its own test

    likelihood = CovariateLikelihood(by_row, data, placements, 4)
    own_params = np.array(list(truth.params.values()))
    without_effect = np.concatenate([own_params, np.ones(3)])
    value, gradient = truth._likelihood(build_histories(frame))(own_params)  # noqa: SLF001
    assert likelihood(without_effect)[0] == pytest.approx(value)
    assert likelihood(without_effect)[1][:4] == pytest.approx(gradient, rel=1e-6, abs=1e-6)
    point = np.concatenate([own_params * 1.2, np.exp([0.4, 0.2, -0.3])])
    steps = np.diag(point * 1e-6)
    slopes = [(likelihood(point + step)[0] - likelihood(point - step)[0]) / (2 * step.sum()) for step in steps]
    assert likelihood(point)[1] == pytest.approx(slopes, rel=1e-4, abs=1e-4)


def test_a_model_with_covariates_survives_json_and_an_unseen_level_counts_as_the_most_frequent() -> None:
    frame = customers(TRUTHS[0], 2_000)
    fitted = BGNBD().fit(frame, **COLUMNS)
    restored = BGNBD.from_json(json.loads(json.dumps(fitted.to_json(), allow_nan=False)))
    assert restored.coefficients == fitted.coefficients
    assert restored.covariance.tolist() == fitted.covariance.tolist()
    assert restored.p_no_order(frame, 90).equals(fitted.p_no_order(frame, 90))
    unseen, shop = frame.with_columns(channel=pl.lit("fax")), frame.with_columns(channel=pl.lit("shop"))
    assert fitted.p_no_order(unseen, 90).equals(fitted.p_no_order(shop, 90))


def test_unusable_covariates_are_refused_by_name() -> None:
    frame = customers(TRUTHS[0], 100)
    with pytest.raises(InvalidHistoriesError, match="no column size, which was named as a covariate"):
        BGNBD().fit(frame, rate=["size"])
    with pytest.raises(InvalidHistoriesError, match="channel is missing for 100 of 100 customers"):
        BGNBD().fit(frame.with_columns(channel=pl.lit(None, dtype=pl.String)), rate=["channel"])
    with pytest.raises(InvalidHistoriesError, match="has 100 categories; at most 50 are supported"):
        BGNBD().fit(frame.with_columns(channel=pl.int_range(100).cast(pl.String)), rate=["channel"])
    with pytest.raises(InvalidHistoriesError, match='The engine "lifetimes" supports no covariates'):
        BGNBD().fit(frame, engine="lifetimes", rate=["channel"])


def test_with_too_few_repeat_buyers_coefficients_stay_zero() -> None:
    few = pl.DataFrame({"frequency": [1.0, 0, 2], "recency": [5.0, 0, 9], "T": [10.0, 20, 30], "channel": ["web", "shop", "web"]})
    fitted = BGNBD().fit(few, rate=["channel"])
    assert fitted.coefficients == {"rate:channel=shop": 0.0}
    assert fitted.diagnosis.startswith("too little data")
