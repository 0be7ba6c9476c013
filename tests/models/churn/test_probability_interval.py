import numpy as np
import pytest
from scipy.special import expit, logit

from models.churn.probability_interval import MAX_STD, PRIOR_STD, log_odds_std, probability_interval


def days(std: float, count: int, seed: int = 0, rows: int = 3_000) -> list[tuple[np.ndarray, np.ndarray]]:
    """Past days whose log-odds are off by a common normal error each."""
    rng = np.random.default_rng(seed)
    made = []
    for error in rng.normal(0.0, std, count):
        p = rng.uniform(0.05, 0.95, rows)
        made.append((p, (rng.random(rows) < expit(logit(p) + error)).astype(float)))
    return made


@pytest.mark.parametrize("std", [0.0, 0.4, 0.8])
def test_the_size_of_past_errors_is_recovered_beyond_chance(std: float) -> None:
    assert log_odds_std(days(std, 60)) == pytest.approx(max(std, 0.06), rel=0.25)


def test_the_interval_contains_the_share_of_churners_on_four_of_five_new_days() -> None:
    std = log_odds_std(days(0.5, 30, seed=1))
    inside = []
    for p, churned in days(0.5, 200, seed=2, rows=20_000):
        group = (p > 0.45) & (p < 0.55)
        low, high = probability_interval(np.array([p[group].mean()]), std)
        inside.append(low[0] <= churned[group].mean() <= high[0])
    assert np.mean(inside) == pytest.approx(0.80, abs=0.08)


def test_few_days_are_shrunk_to_the_assumption_and_no_day_leaves_it() -> None:
    assert log_odds_std([]) == pytest.approx(PRIOR_STD)
    assert log_odds_std([(np.full(10, 0.5), np.ones(10))]) == pytest.approx(PRIOR_STD)  # too few customers to say anything
    perfect = log_odds_std(days(0.0, 1))
    assert 0.8 * PRIOR_STD < perfect < PRIOR_STD
    assert log_odds_std([(np.full(5_000, 0.01), np.ones(5_000))] * 9) == MAX_STD


def test_the_interval_holds_the_probability_and_stays_between_0_and_1() -> None:
    p = np.array([1e-6, 0.2, 0.5, 0.999999])
    low, high = probability_interval(p, 0.7)
    assert ((low > 0) & (low < p) & (p < high) & (high < 1)).all()
    assert all(np.allclose(end, p) for end in probability_interval(p, 0.0))
