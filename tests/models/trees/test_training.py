from dataclasses import replace
from datetime import date, timedelta

import lightgbm as lgb
import polars as pl
import pytest

from models.churn.hybrid import HybridCandidate
from models.registry import HYBRID, VALUE_LEARNERS
from models.snapshot import Snapshot
from models.trees.training import LEARNED, sampled, season_weights

DAY = date(2026, 3, 1)


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


def windows(ages: list[int], rows: int = 3) -> list[pl.DataFrame]:
    return [pl.DataFrame({"as_of": [DAY - timedelta(days=age)] * rows}) for age in ages]


def test_a_window_of_the_same_season_counts_most_once_the_log_is_a_year_old() -> None:
    year, half, newest = season_weights(windows([365, 183, 0], rows=1), DAY)
    assert year == pytest.approx(1.9, abs=0.01)
    assert half == pytest.approx(0.1, abs=0.01)
    assert newest == pytest.approx(1.9)
    assert (season_weights(windows([270, 150, 90]), DAY) == 1).all()
    assert len(season_weights(windows([365, 90]), DAY)) == 6


def test_of_many_rows_the_same_customers_are_kept_in_every_window(
    snapshots: list[Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.trees.training.MAX_ROWS", 1_000)
    rows = sum(each.frame.height for each in snapshots)
    kept = sampled(snapshots)
    assert rows > 2_000
    assert 500 < sum(frame.height for frame in kept) < 1_500
    everyone = set(pl.concat(kept)["customer_id"])
    whole = {each.as_of: each.frame for each in snapshots}
    assert all(set(frame["customer_id"]) == everyone & set(whole[frame["as_of"][0]]["customer_id"]) for frame in kept)
