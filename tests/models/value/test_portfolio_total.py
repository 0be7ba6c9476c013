import numpy as np
import polars as pl
import pytest

from models.value.portfolio_total import estimate_total, level_std


def scores(customers: int) -> pl.DataFrame:
    p = np.linspace(0.1, 0.9, customers)
    stays, leaves = np.full(customers, 100.0), np.full(customers, 20.0)
    return pl.DataFrame(
        {
            "p_churn": p,
            "value_if_stays": stays,
            "value_if_leaves": leaves,
            "expected_value": (1 - p) * stays + p * leaves,
        }
    )


def test_eight_of_ten_simulated_totals_lie_within_the_interval() -> None:
    run, rng, gamma_shape, log_total_std = scores(300), np.random.default_rng(2), 0.7, 0.1
    p = run["p_churn"].to_numpy()
    total = estimate_total(run, gamma_shape, log_total_std)
    leaves = rng.random((2_000, 300)) < p
    mean = np.where(leaves, 20.0, 100.0)
    values = mean * rng.gamma(gamma_shape, 1 / gamma_shape, mean.shape)
    totals = values.sum(axis=1) * np.exp(rng.normal(0, log_total_std, 2_000))
    assert total.expected == pytest.approx(totals.mean(), rel=0.02)
    assert ((totals >= total.low) & (totals <= total.high)).mean() == pytest.approx(0.8, abs=0.04)


def test_with_many_customers_only_the_uncertain_level_widens_the_interval() -> None:
    total = estimate_total(scores(200_000), 1.0, 0.2)
    assert total.high / total.expected == pytest.approx(np.exp(1.2816 * 0.2), rel=0.01)
    assert total.low * total.high == pytest.approx(total.expected**2)


def test_rows_without_a_score_count_as_zero_and_so_does_a_run_without_scores() -> None:
    unscored = scores(3).with_columns(expected_value=pl.lit(None, pl.Float64))
    assert estimate_total(unscored, 1.0, 0.2).high == 0.0
    mixed = pl.concat([scores(3), unscored])
    assert estimate_total(mixed, 1.0, 0.2) == estimate_total(scores(3), 1.0, 0.2)


def test_the_standard_error_follows_past_totals_and_is_a_fifth_without_any() -> None:
    assert level_std([]) == pytest.approx(0.2)
    assert level_std([0.0] * 100) < 0.03
    assert level_std([1.0, -0.5, 1.0, -0.5] * 30) == pytest.approx(np.log(2), abs=0.01)
