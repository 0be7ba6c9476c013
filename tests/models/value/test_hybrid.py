from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_series_equal

from models.registry import VALUE_BASELINE, VALUE_CANDIDATES
from models.snapshot import Snapshot
from models.value.hybrid import HybridValue, HybridValueCandidate
from models.value.protocol import ValueCandidate

by_name = pytest.mark.parametrize("candidate", VALUE_CANDIDATES, ids=lambda candidate: candidate.name)


@pytest.fixture(scope="module")
def fitted(snapshots: list[Snapshot]) -> HybridValue:
    closed = [each for each in snapshots if each.closed_on <= snapshots[-1].as_of]
    return HybridValueCandidate().fit(closed, snapshots[-1].frame)


@by_name
def test_every_value_candidate_expects_something_finite_of_each_row_in_order(
    candidate: ValueCandidate, snapshots: list[Snapshot]
) -> None:
    model, frame = candidate.fit(snapshots[:-1], snapshots[-1].frame), snapshots[-1].frame
    found = model.expected(frame)
    assert len(found) == frame.height
    assert (found.is_finite() & (found >= 0)).all()
    assert_series_equal(model.expected(frame.reverse()), found.reverse())
    low, high = model.quantile(frame, 0.1), model.quantile(frame, 0.9)
    if low is not None and high is not None:
        assert ((low >= 0) & (low <= high)).all()


def test_the_hybrid_ranks_and_totals_better_than_the_naive_baseline(fitted: HybridValue, snapshots: list[Snapshot]) -> None:
    from training.metrics import value_metrics

    newest = snapshots[-1].frame
    spend = newest["next_spend"].to_numpy()
    own = value_metrics(spend, fitted.expected(newest).to_numpy())
    naive = value_metrics(spend, VALUE_BASELINE.fit([], newest).expected(newest).to_numpy())
    assert own["gini"] > naive["gini"]
    assert own["tweedie_deviance"] < naive["tweedie_deviance"]


def test_about_one_in_ten_spends_more_than_the_upper_quantile(fitted: HybridValue, snapshots: list[Snapshot]) -> None:
    newest = snapshots[-1].frame
    high = fitted.quantile(newest, 0.9)
    assert 0.05 < (newest["next_spend"] > high).mean() < 0.18  # type: ignore[operator]  # a mean of booleans
    assert (high.filter(fitted.churn.p_churn(newest) >= 0.9) == 0).all()


def test_the_level_of_the_window_ahead_moves_everybody_alike(fitted: HybridValue, snapshots: list[Snapshot]) -> None:
    frame = snapshots[-1].frame
    flat = frame.with_columns(btyd_value_level=pl.lit(0.0), btyd_churn_level=pl.lit(0.0))
    worse = flat.with_columns(btyd_value_level=pl.lit(-0.5), btyd_churn_level=pl.lit(0.4))
    assert np.allclose(fitted.expected(worse).to_numpy(), fitted.expected(flat).to_numpy() * np.exp(-0.5))
    assert (fitted.churn.p_churn(worse) > fitted.churn.p_churn(flat)).all()
    assert fitted.churn.p_churn(worse).rank().equals(fitted.churn.p_churn(flat).rank())


def test_without_a_level_the_total_is_that_of_the_order_models(fitted: HybridValue, snapshots: list[Snapshot]) -> None:
    frame = snapshots[-1].frame
    order_models = (frame["btyd_expected_orders"] * frame["btyd_expected_spend"]).sum()
    assert fitted.shape(frame).sum() == pytest.approx(order_models, rel=1e-3)
    stayers = 1 - fitted.churn.p_churn(frame.with_columns(btyd_churn_level=pl.lit(0.0)))
    assert stayers.sum() == pytest.approx((1 - frame["btyd_p_no_order"]).sum(), rel=0.01)


def test_its_quantiles_say_the_same_after_a_journey_through_files(
    fitted: HybridValue, snapshots: list[Snapshot], tmp_path: Path
) -> None:
    fitted.save(tmp_path)
    frame = snapshots[-1].frame
    assert_series_equal(HybridValue.load(tmp_path).quantile(frame, 0.9), fitted.quantile(frame, 0.9))
