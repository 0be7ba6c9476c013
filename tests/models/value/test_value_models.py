"""One contract for every value model that can become champion."""

from pathlib import Path

import numpy as np
import pytest
from polars.testing import assert_series_equal

from models.errors import TooLittleDataError
from models.registry import VALUE_LEARNERS, load_value_model
from models.snapshot import Snapshot
from models.value.lightgbm_value import LOGNORMAL, LightGbmValueCandidate
from models.value.protocol import ValueLearner

by_name = pytest.mark.parametrize("learner", VALUE_LEARNERS, ids=lambda learner: learner.name)


@by_name
def test_it_says_the_same_after_a_journey_through_files_without_a_customer(
    learner: ValueLearner, snapshots: list[Snapshot], tmp_path: Path
) -> None:
    frame = snapshots[-1].frame
    model = learner.fit(snapshots, frame)
    model.save(tmp_path)
    again = load_value_model(tmp_path)
    assert again is not None
    assert again.name == learner.name
    assert_series_equal(again.expected(frame), model.expected(frame))
    saved = " ".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert not [each for each in frame["customer_id"] if f'"{each}"' in saved]


@by_name
def test_without_enough_buyers_it_says_so(learner: ValueLearner, snapshots: list[Snapshot]) -> None:
    newest = snapshots[-1]
    with pytest.raises(TooLittleDataError, match="too short"):
        learner.fit([], newest.frame)
    few = newest.frame.with_columns(next_spend=np.where(np.arange(newest.frame.height) < 20, 5.0, 0.0))
    with pytest.raises(TooLittleDataError, match="at least 100 customer windows with some; found 20"):
        learner.fit([Snapshot(newest.as_of, newest.horizon_days, few, newest.btyd)], few)


def test_no_folder_holds_no_value_model(tmp_path: Path) -> None:
    assert load_value_model(tmp_path) is None


def test_the_quantiles_of_the_lognormal_bound_the_share_they_name(snapshots: list[Snapshot]) -> None:
    newest = snapshots[-1]
    closed = [each for each in snapshots if each.closed_on <= newest.as_of]
    high = LightGbmValueCandidate(LOGNORMAL).fit(closed, newest.frame).quantile(newest.frame, 0.9)
    assert high is not None
    assert 0.04 < (newest.frame["next_spend"] > high).mean() < 0.2  # type: ignore[operator]  # a mean of booleans
