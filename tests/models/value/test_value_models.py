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

each_learner = pytest.mark.parametrize("learner", VALUE_LEARNERS, ids=lambda learner: learner.name)


@each_learner
def test_a_loaded_model_predicts_the_same_and_names_no_customer(
    learner: ValueLearner, snapshots: list[Snapshot], tmp_path: Path
) -> None:
    frame = snapshots[-1].frame
    model = learner.fit(snapshots, frame)
    model.save(tmp_path)
    loaded = load_value_model(tmp_path)
    assert loaded is not None
    assert loaded.name == learner.name
    assert_series_equal(loaded.expected(frame), model.expected(frame))
    saved = " ".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert not [customer for customer in frame["customer_id"] if f'"{customer}"' in saved]


@pytest.mark.slow
@each_learner
def test_without_enough_buyers_a_learner_is_refused(learner: ValueLearner, snapshots: list[Snapshot]) -> None:
    newest = snapshots[-1]
    with pytest.raises(TooLittleDataError, match="too short"):
        learner.fit([], newest.frame)
    few = newest.frame.with_columns(next_spend=np.where(np.arange(newest.frame.height) < 20, 5.0, 0.0))
    with pytest.raises(TooLittleDataError, match="needs 100 customer windows with spend above 0; found 20"):
        learner.fit([Snapshot(newest.as_of, newest.horizon_days, few, newest.btyd)], few)


def test_a_folder_without_a_value_model_gives_none(tmp_path: Path) -> None:
    assert load_value_model(tmp_path) is None


def test_the_upper_quantile_of_the_lognormal_is_exceeded_as_often_as_it_should_be(snapshots: list[Snapshot]) -> None:
    newest = snapshots[-1]
    closed = [snapshot for snapshot in snapshots if snapshot.closed_on <= newest.as_of]
    high = LightGbmValueCandidate(LOGNORMAL).fit(closed, newest.frame).quantile(newest.frame, 0.9)
    assert high is not None
    assert 0.04 < (newest.frame["next_spend"] > high).mean() < 0.2  # type: ignore[operator]  # a mean of booleans
