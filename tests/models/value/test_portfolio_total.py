import numpy as np
import polars as pl
import pytest

from models.value.portfolio_total import level_std, total_value


def scores(customers: int) -> pl.DataFrame:
    p = np.linspace(0.1, 0.9, customers)
    stays, leaves = np.full(customers, 100.0), np.full(customers, 20.0)
    return pl.DataFrame(
        {
            "p_churn": p,
            "value_if_stays": stays,
            "value_at_risk": p * (stays - leaves),
            "expected_value": (1 - p) * stays + p * leaves,
        }
    )


def test_eight_of_ten_totals_lie_within() -> None:
    run, rng, spread, doubt = scores(300), np.random.default_rng(2), 0.7, 0.1
    p = run["p_churn"].to_numpy()
    total = total_value(run, spread, doubt)
    leaves = rng.random((2_000, 300)) < p
    mean = np.where(leaves, 20.0, 100.0)
    drawn = (mean * rng.gamma(spread, 1 / spread, mean.shape)).sum(axis=1) * np.exp(rng.normal(0, doubt, 2_000))
    assert total.expected == pytest.approx(drawn.mean(), rel=0.02)
    assert ((drawn >= total.low) & (drawn <= total.high)).mean() == pytest.approx(0.8, abs=0.04)


def test_many_customers_leave_the_doubt_about_the_level_and_nothing_else() -> None:
    total = total_value(scores(200_000), 1.0, 0.2)
    assert total.high / total.expected == pytest.approx(np.exp(1.2816 * 0.2), rel=0.01)
    assert total.low * total.high == pytest.approx(total.expected**2)


def test_rows_without_a_score_count_for_nothing_and_nobody_is_worth_nothing() -> None:
    nobody = scores(3).with_columns(expected_value=pl.lit(None, pl.Float64))
    assert total_value(nobody, 1.0, 0.2).high == 0.0
    some = pl.concat([scores(3), nobody])
    assert total_value(some, 1.0, 0.2) == total_value(scores(3), 1.0, 0.2)


def test_past_totals_tell_the_doubt_and_without_any_it_is_a_fifth() -> None:
    assert level_std([]) == pytest.approx(0.2)
    assert level_std([0.0] * 100) < 0.03
    assert level_std([1.0, -0.5, 1.0, -0.5] * 30) == pytest.approx(np.log(2), abs=0.01)
