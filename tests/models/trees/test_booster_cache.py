from dataclasses import replace

import lightgbm as lgb
import pytest

from models.churn.hybrid import HybridCandidate
from models.registry import CANDIDATES, HYBRID, VALUE_LEARNERS, candidates, find_candidate
from models.snapshot import Snapshot
from models.trees.booster_cache import MAX_CACHED, BoosterCache
from models.trees.training import TreeParams
from models.value.hybrid import HybridValueCandidate
from models.value.lightgbm_value import HURDLE, LOGNORMAL, LightGbmValueCandidate


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One entry per booster that LightGBM trains."""
    trained: list[None] = []
    train = lgb.train

    def counted(*args: object, **options: object) -> lgb.Booster:
        trained.append(None)
        return train(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(lgb, "train", counted)
    return trained


@pytest.mark.slow
def test_candidates_with_one_cache_train_equal_trees_once(snapshots: list[Snapshot], trainings: list[None]) -> None:
    frame, boosters = snapshots[-1].frame, BoosterCache()
    hybrid = HybridCandidate(boosters=boosters)
    first = hybrid.fit(snapshots, frame)
    per_spec = len(trainings)
    assert hybrid.fit(list(snapshots), frame).booster is first.booster
    assert HybridValueCandidate(boosters=boosters).fit(snapshots, frame).churn.booster is first.booster
    assert len(trainings) == 3 * per_spec
    LightGbmValueCandidate(HURDLE, boosters=boosters).fit(snapshots, frame)
    LightGbmValueCandidate(LOGNORMAL, boosters=boosters).fit(snapshots, frame)
    assert len(trainings) == (3 + 3) * per_spec


@pytest.mark.slow
def test_other_snapshots_or_parameters_train_other_trees(snapshots: list[Snapshot]) -> None:
    frame, hybrid = snapshots[-1].frame, HybridCandidate()
    first = hybrid.fit(snapshots, frame)
    assert hybrid.fit([replace(snapshot) for snapshot in snapshots], frame).booster is not first.booster
    assert hybrid.fit(snapshots[1:], frame).booster is not first.booster
    other = replace(hybrid, trees=TreeParams(num_leaves=4))
    assert other.boosters is hybrid.boosters
    assert other.fit(snapshots, frame).booster is not first.booster


def test_the_oldest_trees_are_dropped_first(snapshots: list[Snapshot], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.trees.booster_cache.train_boosters", lambda _spec: (object(), object()))
    frame, hybrid = snapshots[-1].frame, HybridCandidate()
    monkeypatch.setattr("models.churn.hybrid._fit_intercept", lambda _booster, _current, _slope: 0.0)

    def booster(leaves: int) -> lgb.Booster:
        return replace(hybrid, trees=TreeParams(num_leaves=leaves)).fit(snapshots, frame).booster

    first, second = booster(2), booster(3)
    assert all(booster(leaves) for leaves in range(4, MAX_CACHED + 3))
    assert booster(3) is second
    assert booster(2) is not first


def test_the_candidates_of_the_registry_share_one_cache_and_others_have_their_own() -> None:
    tuned = find_candidate("hybrid", candidates(HybridCandidate(TreeParams(num_leaves=4))))
    hybrid, blend = find_candidate("hybrid"), find_candidate("blend")
    sharing = [hybrid, blend.members[0].candidate, tuned, *VALUE_LEARNERS]  # type: ignore[attr-defined]  # the blend's members
    assert all(candidate.boosters is HYBRID.boosters for candidate in sharing)  # type: ignore[union-attr]  # those with trees
    assert HybridCandidate().boosters is not HYBRID.boosters
    assert HybridCandidate().boosters is not HybridCandidate().boosters


def test_the_cache_is_no_part_of_what_a_candidate_equals() -> None:
    assert HybridCandidate() == HYBRID
    assert hash(HybridCandidate()) == hash(HYBRID)
    assert HYBRID in CANDIDATES
    assert HybridValueCandidate() == VALUE_LEARNERS[-1]
    assert "boosters" not in repr(HYBRID)
