from datetime import date, timedelta

import polars as pl
import pytest

from models.snapshot import Snapshot
from models.trees.training import sample_frames, season_weights

DAY = date(2026, 3, 1)


def windows(ages: list[int], rows: int = 3) -> list[pl.DataFrame]:
    return [pl.DataFrame({"as_of": [DAY - timedelta(days=age)] * rows}) for age in ages]


def test_a_window_of_the_same_season_weighs_most_when_the_log_is_a_year_old() -> None:
    year, half, newest = season_weights(windows([365, 183, 0], rows=1), DAY)
    assert year == pytest.approx(1.9, abs=0.01)
    assert half == pytest.approx(0.1, abs=0.01)
    assert newest == pytest.approx(1.9)
    assert (season_weights(windows([270, 150, 90]), DAY) == 1).all()
    assert len(season_weights(windows([365, 90]), DAY)) == 6


def test_sampling_keeps_the_same_customers_in_every_window(snapshots: list[Snapshot], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.trees.training.MAX_ROWS", 1_000)
    rows = sum(snapshot.frame.height for snapshot in snapshots)
    frames = sample_frames(snapshots)
    assert rows > 2_000
    assert 500 < sum(frame.height for frame in frames) < 1_500
    sampled = set(pl.concat(frames)["customer_id"])
    full = {snapshot.as_of: snapshot.frame for snapshot in snapshots}
    assert all(set(frame["customer_id"]) == sampled & set(full[frame["as_of"][0]]["customer_id"]) for frame in frames)
