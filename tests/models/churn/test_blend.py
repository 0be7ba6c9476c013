import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from models.churn.blend import BlendCandidate, BlendChurn, weighed
from models.registry import HYBRID, LIGHTGBM
from models.snapshot import Snapshot


def test_two_halves_of_the_truth_share_the_weight_and_noise_gets_none() -> None:
    rng = np.random.default_rng(3)
    one, two, noise = rng.normal(0, 1.5, (3, 20_000))
    outcome = (rng.random(20_000) < expit((one + two) / 2 + 0.7)).astype(float)
    weights = weighed([one, two, noise], outcome)
    assert sum(weights) == pytest.approx(1.0)
    assert weights == pytest.approx((0.5, 0.5, 0.0), abs=0.04)


def test_a_few_rows_leave_the_weight_with_the_first() -> None:
    rng = np.random.default_rng(3)
    one, two = rng.normal(0, 1, (2, 12))
    outcome = (rng.random(12) < 0.5).astype(float)
    assert weighed([one, two], outcome)[0] > 0.9


def test_without_an_earlier_window_it_is_the_first_member(snapshots: list[Snapshot]) -> None:
    only, present = snapshots[-1:], snapshots[-1].frame
    blend = BlendCandidate((HYBRID, LIGHTGBM)).fit(only, present)
    assert blend.weights == (1.0, 0.0)
    assert np.allclose(blend.p_churn(present).to_numpy(), HYBRID.fit(only, present).p_churn(present).to_numpy())


def test_contributions_are_the_weighted_mean_of_the_members(snapshots: list[Snapshot]) -> None:
    frame = snapshots[-1].frame
    members = tuple(member.fit(snapshots, frame) for member in (HYBRID, LIGHTGBM))
    found = BlendChurn(members, (0.25, 0.75)).contributions(frame)
    one, two = (member.contributions(frame) for member in members)
    assert set(found.columns) == set(one.columns) | set(two.columns)
    assert np.allclose(found["recency"], 0.25 * one["recency"] + 0.75 * two["recency"])
    assert isinstance(found, pl.DataFrame)
