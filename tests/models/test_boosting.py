from dataclasses import replace

import lightgbm as lgb
import pytest

from models.boosting import LEARNED
from models.hybrid_churn import HybridCandidate
from models.registry import HYBRID, VALUE_LEARNERS
from models.snapshot import Snapshot


def test_the_same_lesson_is_learned_once_and_another_anew(snapshots: list[Snapshot], monkeypatch: pytest.MonkeyPatch) -> None:
    LEARNED.clear()
    frame, trained, train = snapshots[-1].frame, [], lgb.train
    monkeypatch.setattr(lgb, "train", lambda *given, **named: trained.append(1) or train(*given, **named))
    first = HYBRID.fit(snapshots, frame)
    once = len(trained)
    assert HYBRID.fit(list(snapshots), frame).booster is first.booster
    assert VALUE_LEARNERS[-1].fit(snapshots, frame).churn.booster is first.booster  # type: ignore[attr-defined]  # the hybrid
    assert len(trained) == 3 * once
    assert HYBRID.fit([replace(each) for each in snapshots], frame).booster is not first.booster
    assert HYBRID.fit(snapshots[1:], frame).booster is not first.booster
    assert HybridCandidate(replace(HYBRID.trees, num_leaves=4)).fit(snapshots, frame).booster is not first.booster
