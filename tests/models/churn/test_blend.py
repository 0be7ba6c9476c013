import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from models.churn.blend import BlendCandidate, BlendChurn, fit_weights
from models.registry import HYBRID, LIGHTGBM
from models.snapshot import Snapshot


def test_two_equal_signals_share_the_weight_and_noise_gets_none() -> None:
    rng = np.random.default_rng(3)
    first, second, noise = rng.normal(0, 1.5, (3, 20_000))
    outcome = (rng.random(20_000) < expit((first + second) / 2 + 0.7)).astype(float)
    weights = fit_weights([first, second, noise], outcome)
    assert sum(weights) == pytest.approx(1.0)
    assert weights == pytest.approx((0.5, 0.5, 0.0), abs=0.04)


def test_few_rows_leave_the_weight_on_the_first_member() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.normal(0, 1, (2, 12))
    outcome = (rng.random(12) < 0.5).astype(float)
    assert fit_weights([first, second], outcome)[0] > 0.9


def test_without_an_earlier_window_the_blend_equals_its_first_member(snapshots: list[Snapshot]) -> None:
    newest_only, current = snapshots[-1:], snapshots[-1].frame
    blend = BlendCandidate((HYBRID, LIGHTGBM)).fit(newest_only, current)
    assert blend.weights == (1.0, 0.0)
    assert np.allclose(blend.p_churn(current).to_numpy(), HYBRID.fit(newest_only, current).p_churn(current).to_numpy())


def test_contributions_are_the_weighted_mean_of_the_members(snapshots: list[Snapshot]) -> None:
    frame = snapshots[-1].frame
    members = tuple(member.fit(snapshots, frame) for member in (HYBRID, LIGHTGBM))
    actual = BlendChurn(members, (0.25, 0.75)).contributions(frame)
    hybrid, lightgbm = (member.contributions(frame) for member in members)
    assert set(actual.columns) == set(hybrid.columns) | set(lightgbm.columns)
    assert np.allclose(actual["recency"], 0.25 * hybrid["recency"] + 0.75 * lightgbm["recency"])
    assert isinstance(actual, pl.DataFrame)
