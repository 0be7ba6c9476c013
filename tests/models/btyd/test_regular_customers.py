"""BG/CNBD-k and MBG/CNBD-k against published fits, against simulated customers, and against their special case k = 1."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from models.btyd import BGCNBD, BGNBD, MBGCNBD, MBGNBD
from models.btyd.beta_geometric_likelihood import BetaGeometricLikelihood, log_likelihood_by_row
from models.btyd.discounting import discounted_orders
from models.btyd.histories import build_histories
from models.btyd.regular_process import RegularBetaGeometric
from models.btyd.regularity import SHAPES, choose_regularity, regularity_weights
from models.errors import InvalidHistoriesError

# Fits of the package BTYDplus, and of mplatzer/paper-bgcnbdk, the replication of Reutterer, Platzer and Schroeder (2021)
PUBLISHED = [
    (BGCNBD, 2, (0.2269, 1.4629, 0.9440, 2.0743), -9855.327),
    (BGCNBD, 3, (0.2195, 0.8334, 1.0261, 2.0941), -10393.5651),
    (MBGCNBD, 2, (0.580, 2.288, 1.135, 1.585), -9853.2531),
    (MBGCNBD, 3, (0.533, 1.258, 1.289, 1.845), -10394.3627),
]


@pytest.fixture(scope="module")
def cdnow(cdnow_weeks: pl.DataFrame) -> pl.DataFrame:
    from holdfast.demo.cdnow import read_cdnow

    days = read_cdnow().filter(pl.col("ordered_at") <= date(1997, 9, 30)).select("customer_id", "ordered_at").unique()
    gap = pl.col("ordered_at").diff().dt.total_days() / 7
    log_gaps = days.sort("ordered_at").group_by("customer_id").agg(gap.drop_nulls().log().sum().alias("log_gaps"))
    return cdnow_weeks.join(log_gaps, on="customer_id", maintain_order="left")


@pytest.mark.parametrize(("model_class", "k", "params", "log_likelihood"), PUBLISHED)
def test_fits_are_the_published_ones(
    cdnow: pl.DataFrame, model_class: type[BGCNBD], k: int, params: tuple[float, ...], log_likelihood: float
) -> None:
    model = model_class(k=k).fit(cdnow)
    assert list(model.params.values()) == pytest.approx(params, abs=6e-4)
    assert model.log_likelihood == pytest.approx(log_likelihood, abs=1e-3)


def test_the_likelihood_is_that_of_the_reference_implementation() -> None:
    """Values of the self-test of BTYDplus: k 3, r .5, alpha 2, a .3, b .6, one customer with the sum of log gaps 3."""
    for x, first_order_counts, expected in ((3.0, 0, -10.42500), (4.0, 0, -12.22396), (3.0, 1, -10.539371), (4.0, 1, -12.309633)):
        data = build_histories(pl.DataFrame({"frequency": [x], "recency": [12.0], "T": [14.0]}))
        value, _ = log_likelihood_by_row(np.array([[0.5], [2.0], [0.3], [0.6]]), data, first_order_counts, k=3)
        gaps = 2 * 3.0 - x * np.log(2.0)
        assert value[0] + gaps == pytest.approx(expected, abs=1e-5)


def test_the_weights_of_k_agree_with_the_choice_and_are_equal_where_nothing_is_known(cdnow: pl.DataFrame) -> None:
    assert regularity_weights(cdnow) == {1: 1.0}
    regular, _ = simulate(4, 400, np.random.default_rng(4))
    weights = regularity_weights(regular)
    assert max(weights, key=weights.__getitem__) == choose_regularity(regular) == 4
    assert sum(weights.values()) == pytest.approx(1)
    twice = regular.filter(pl.col("frequency") < 2)  # these say nothing
    assert regularity_weights(twice) == pytest.approx(dict.fromkeys(SHAPES, 1 / len(SHAPES)))
    assert regularity_weights(regular.drop("log_gaps")) == {1: 1.0}


def test_cdnow_customers_order_at_random_times(cdnow: pl.DataFrame) -> None:
    assert choose_regularity(cdnow) == 1
    regular, plain = BGCNBD().fit(cdnow), BGNBD().fit(cdnow)
    assert regular.params == plain.params
    assert regular.log_likelihood == plain.log_likelihood
    assert MBGCNBD(k=1).fit(cdnow).p_no_order(cdnow, 39).equals(MBGNBD().fit(cdnow).p_no_order(cdnow, 39))


def simulate(k: int, customers: int, rng: np.random.Generator, *, first_order_counts: int = 1) -> tuple[pl.DataFrame, np.ndarray]:
    """Return customers of a process with k, r 4, alpha 60 / k, a 1, b 6, and their order times, infinite after leaving."""
    rate = rng.gamma(4.0, 1.0, customers) / 60 * k
    gaps = rng.gamma(k, 1.0, (customers, 200)) / rate[:, None]
    leaving = rng.geometric(np.maximum(rng.beta(1.0, 6.0, customers), 1e-9)) - first_order_counts
    times = np.where(np.arange(200) < leaving[:, None], np.cumsum(gaps, axis=1), np.inf)
    T = rng.uniform(30, 150, customers)  # noqa: N806  # the papers' symbol
    before = times <= T[:, None]
    shown_gaps = np.where(before, np.diff(np.where(np.isfinite(times), times, 0.0), axis=1, prepend=0.0), 1.0)
    return pl.DataFrame(
        {
            "frequency": before.sum(axis=1).astype(float),
            "recency": np.where(before, times, 0.0).max(axis=1),
            "T": T,
            "log_gaps": np.log(shown_gaps).sum(axis=1),
        }
    ), times


@pytest.mark.parametrize("k", [2, 4])
def test_the_regularity_and_the_future_of_simulated_customers_are_recovered(k: int) -> None:
    frame, times = simulate(k, 20_000, np.random.default_rng(k))
    model = MBGCNBD().fit(frame)
    assert model.k == k
    later = (times > frame["T"].to_numpy()[:, None]) & (times <= frame["T"].to_numpy()[:, None] + 60)
    orders = later.sum(axis=1)
    assert model.p_no_order(frame, 60).mean() == pytest.approx((orders == 0).mean(), abs=0.01)
    assert model.expected_orders(frame, 60).mean() == pytest.approx(orders.mean(), rel=0.02)
    overdue = frame["T"] - frame["recency"] > 40
    assert model.p_no_order(frame.filter(overdue), 60).mean() == pytest.approx((orders == 0)[overdue].mean(), abs=0.015)
    distribution = model.p_orders(frame, 60, 6)
    for n in range(7):
        assert distribution[str(n)].mean() == pytest.approx((orders == n).mean(), abs=0.01)


def test_dates_of_the_next_order_fit_regular_customers_better() -> None:
    frame, times = simulate(6, 10_000, np.random.default_rng(9))
    after = np.where(times > frame["T"].to_numpy()[:, None], times, np.inf).min(axis=1) - frame["T"].to_numpy()
    errors = {}
    for model in (MBGCNBD().fit(frame), MBGNBD().fit(frame)):
        x, t_x, T = (frame[name].to_numpy() for name in ("frequency", "recency", "T"))  # noqa: N806  # the papers' symbol
        likely = model.p_no_order(frame, 10_000).to_numpy() < 0.4
        median = model.process(frame).waiting_time(x, t_x, T, np.full(len(x), 0.5))
        errors[type(model)] = abs((after[likely] <= median[likely]).mean() - 0.5)
    assert errors[MBGCNBD] < 0.02
    assert errors[MBGCNBD] < errors[MBGNBD]


PROCESS = RegularBetaGeometric(k=3, r=0.8, alpha=4.0, a=0.7, b=2.5, first_order_counts=1)
X, T_X, T = np.array([0.0, 1.0, 4.0, 9.0]), np.array([0.0, 5.0, 18.0, 40.0]), np.array([10.0, 30.0, 22.0, 41.0])


def test_quantities_of_a_process_agree_with_each_other() -> None:
    n = np.arange(1, 200.0)[:, None]
    tails = np.array([PROCESS.p_at_least(X, T_X, T, 25.0, np.broadcast_to(count, X.shape)) for count in n])
    assert PROCESS.expected_orders(X, T_X, T, 25.0) == pytest.approx(tails.sum(axis=0), rel=1e-8)
    assert PROCESS.p_no_order(X, T_X, T, 25.0) == pytest.approx(1 - tails[0], rel=1e-12)
    second = (2 * (n - 1) * tails).sum(axis=0)
    mean = tails.sum(axis=0)
    assert PROCESS.variance(X, T_X, T, 25.0) == pytest.approx(second + mean - mean**2, rel=1e-7)
    steps = np.linspace(0, 25, 4001)
    expected = np.array([PROCESS.expected_orders(X, T_X, T, float(h)) for h in steps])
    discounted = (np.diff(expected, axis=0) * np.exp(-0.01 * (steps[:-1] + steps[1:]) / 2)[:, None]).sum(axis=0)
    assert discounted_orders(PROCESS, X, T_X, T, 25.0, 0.01) == pytest.approx(discounted, rel=1e-5)


def test_waiting_times_invert_the_probability_of_no_order() -> None:
    for level in (0.9, 0.6):
        waits = PROCESS.waiting_time(X, T_X, T, np.full(4, level))
        reached = np.isfinite(waits)
        assert reached.any()
        p = PROCESS.p_no_order(X[reached], T_X[reached], T[reached], waits[reached])
        assert p == pytest.approx(np.full(int(reached.sum()), level), abs=1e-6)
        assert (PROCESS.p_no_order(X, T_X, T, np.full(4, np.inf))[~reached] >= level).all()


positive = st.floats(0.05, 20.0)


@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.integers(2, 6), positive, positive, positive, positive, st.integers(0, 1))
def test_the_gradient_is_that_of_the_value(k: int, r: float, alpha: float, a: float, b: float, first_order_counts: int) -> None:
    rows = {"frequency": [0.0, 0.0, 1.0, 3.0, 8.0], "recency": [0.0, 0.0, 5.0, 18.0, 40.0], "T": [9.0, 0.0, 30.0, 18.0, 55.0]}
    data = build_histories(pl.DataFrame(rows))
    likelihood, params = BetaGeometricLikelihood(data, first_order_counts, k), np.array([r, alpha, a, b])
    value, gradient = likelihood(params)
    by_row, row_gradient = log_likelihood_by_row(np.repeat(params[:, None], 5, axis=1), data, first_order_counts, k)
    assert value == pytest.approx(by_row.sum(), rel=1e-9)
    assert gradient == pytest.approx(row_gradient.sum(axis=1), rel=1e-7, abs=1e-9)
    for index in range(4):
        step = np.zeros(4)
        step[index] = 1e-6 * params[index]
        numeric = (likelihood(params + step)[0] - likelihood(params - step)[0]) / (2 * step[index])
        assert gradient[index] == pytest.approx(numeric, rel=2e-4, abs=2e-5)


def test_the_model_is_stored_with_its_regularity() -> None:
    frame, _ = simulate(3, 2_000, np.random.default_rng(2))
    model = BGCNBD().fit(frame)
    loaded = BGCNBD.from_json(model.to_json())
    assert loaded.k == model.k == 3
    assert loaded.p_no_order(frame, 20).equals(model.p_no_order(frame, 20))


def test_a_fixed_regularity_needs_the_gaps() -> None:
    frame, _ = simulate(3, 200, np.random.default_rng(2))
    with pytest.raises(InvalidHistoriesError, match="log_gaps"):
        BGCNBD(k=3).fit(frame.drop("log_gaps"))
    assert BGCNBD().fit(frame.drop("log_gaps")).k == 1
