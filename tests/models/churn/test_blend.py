import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from features.frames.arrays import Array
from models.churn.base_rate import BaseRateCandidate
from models.churn.blend import BlendCandidate, BlendChurn, Member, PastWindow, fit_weights, past_windows
from models.errors import TooLittleDataError
from models.registry import HYBRID, LIGHTGBM, find_candidate
from models.snapshot import Snapshot

MEMBERS = (Member(HYBRID, 0.8), Member(LIGHTGBM, 0.2))
EVEN = np.full(3, 1 / 3)


def window(odds: Array, churned: Array, importance: float = 1.0) -> PastWindow:
    return PastWindow(odds, churned.astype(float), importance)


def test_two_equal_signals_share_the_weight_and_noise_gets_none() -> None:
    rng = np.random.default_rng(3)
    first, second, noise = odds = rng.normal(0, 1.5, (3, 20_000))
    outcome = rng.random(20_000) < expit((first + second) / 2 + 0.7)
    weights = fit_weights([window(odds, outcome)], np.array([0.1, 0.1, 0.8]))
    assert noise.shape == first.shape
    assert weights.sum() == pytest.approx(1.0)
    assert weights == pytest.approx((0.5, 0.5, 0.0), abs=0.04)


def test_a_level_that_all_customers_share_has_no_influence_on_the_weights() -> None:
    rng = np.random.default_rng(3)
    odds = rng.normal(0, 1.5, (3, 20_000))
    outcome = rng.random(20_000) < expit((odds[0] + odds[1]) / 2)
    shifted = odds + np.array([[-2.0], [2.0], [0.0]])
    expected, actual = (fit_weights([window(line, outcome)], EVEN) for line in (odds, shifted))
    assert actual == pytest.approx(expected, abs=0.02)


def test_few_rows_leave_the_assumed_weights() -> None:
    rng = np.random.default_rng(3)
    assumed = np.array([0.9, 0.1])
    weights = fit_weights([window(rng.normal(0, 1, (2, 12)), rng.random(12) < 0.5)], assumed)
    assert weights == pytest.approx(assumed, abs=0.1)
    assert fit_weights([], assumed) == pytest.approx(assumed)


def test_a_member_without_a_fit_in_an_old_window_is_judged_by_the_newer_one() -> None:
    rng = np.random.default_rng(5)
    good, noise = rng.normal(0, 1.5, (2, 8_000))
    outcome = rng.random(8_000) < expit(good)
    newer = window(np.array([noise, good]), outcome)
    older = window(np.array([noise, np.full(8_000, np.nan)]), outcome, importance=0.5)
    assert fit_weights([newer, older], np.array([0.5, 0.5]))[1] > 0.9


def test_no_member_sees_the_window_it_is_weighted_by(snapshots: list[Snapshot]) -> None:
    windows = past_windows(snapshots, MEMBERS)
    newest = snapshots[-1]
    closed = [snapshot for snapshot in snapshots if snapshot.closed_on <= newest.as_of]
    expected = HYBRID.fit(closed, newest.features).p_churn(newest.features).to_numpy()
    assert expit(windows[0].odds[0]) == pytest.approx(expected)
    assert windows[0].importance > windows[1].importance


def test_the_number_of_churners_is_that_of_the_order_model_and_its_offset(snapshots: list[Snapshot]) -> None:
    current = snapshots[-1].features.with_columns(btyd_churn_level=pl.lit(0.4))
    blend = BlendCandidate(MEMBERS).fit(snapshots[:-3], current)
    odds = np.log(current["btyd_p_no_order"] / (1 - current["btyd_p_no_order"])).to_numpy() + 0.4
    assert blend.p_churn(current).sum() == pytest.approx(expit(odds).sum(), rel=2e-3)


def test_without_a_past_window_the_weights_are_the_assumed_ones(snapshots: list[Snapshot]) -> None:
    blend = BlendCandidate(MEMBERS).fit(snapshots[-1:], snapshots[-1].features)
    assert blend.weights == pytest.approx((0.8, 0.2))


def test_one_model_alone_is_no_blend(snapshots: list[Snapshot]) -> None:
    few = [Snapshot(s.as_of, s.horizon_days, s.frame.head(40), s.btyd) for s in snapshots[:1]]
    with pytest.raises(TooLittleDataError, match="two models"):
        BlendCandidate((*MEMBERS, Member(BaseRateCandidate(), 0.1))).fit(few, few[0].features)


def test_contributions_are_the_weighted_mean_of_the_members(snapshots: list[Snapshot]) -> None:
    frame = snapshots[-1].frame
    members = tuple(member.candidate.fit(snapshots, frame) for member in MEMBERS)
    actual = BlendChurn(members, (0.25, 0.75)).contributions(frame)
    hybrid, lightgbm = (member.contributions(frame) for member in members)
    assert set(actual.columns) == set(hybrid.columns) | set(lightgbm.columns)
    assert np.allclose(actual["recency"], 0.25 * hybrid["recency"] + 0.75 * lightgbm["recency"])


def test_the_blend_of_the_registry_shrinks_towards_the_base_rate() -> None:
    blend = find_candidate("blend")
    assert isinstance(blend, BlendCandidate)
    assert "base_rate" in {member.candidate.name for member in blend.members}
    assert sum(member.assumed_weight for member in blend.members) == pytest.approx(1.0)
