import numpy as np
import pytest
from scipy.special import expit

from models.btyd.seasonal_level import SeasonalOffset, churn_offset, observed_offset, value_offset
from models.log_odds import log_odds


def test_the_churn_offset_makes_probabilities_sum_to_the_churners() -> None:
    rng = np.random.default_rng(1)
    p = rng.uniform(0.05, 0.95, 50_000)
    churned = (rng.random(50_000) < expit(log_odds(p) + 0.7)).astype(float)
    offset = churn_offset(p, churned)
    assert offset == pytest.approx(0.7, abs=0.03)
    assert expit(log_odds(p) + offset).sum() == pytest.approx(churned.sum(), rel=1e-3)


def test_few_customers_move_offsets_little_and_offsets_stay_finite() -> None:
    assert 0 < churn_offset(np.full(2, 0.5), np.ones(2)) < 1
    assert np.isfinite(churn_offset(np.full(5_000, 0.5), np.ones(5_000)))
    assert value_offset(np.full(1_000, 10.0), np.full(1_000, 20.0)) == pytest.approx(np.log(2), abs=0.01)
    assert value_offset(np.full(2, 10.0), np.full(2, 20.0)) < 0.2
    assert value_offset(np.zeros(3), np.ones(3)) == 0
    assert np.isfinite(value_offset(np.full(3, 5.0), np.full(3, -9.0)))


def test_offsets_add_up_and_a_slump_excludes_a_surge() -> None:
    slump, surge = SeasonalOffset(churn=0.5, value=-0.3), SeasonalOffset(churn=-0.4, value=0.2)
    assert slump + surge == SeasonalOffset(churn=pytest.approx(0.1), value=pytest.approx(-0.1))
    assert (slump.slump(), surge.slump()) == (slump, SeasonalOffset())
    assert slump.scaled(0.5) == SeasonalOffset(churn=0.25, value=-0.15)
    p = np.full(100, 0.5)
    assert observed_offset(p, p * 0 + 1, p, p * 0).slump() == observed_offset(p, p * 0 + 1, p, p * 0)
