from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_series_equal

from models.registry import VALUE_BASELINE, VALUE_CANDIDATES
from models.snapshot import Snapshot
from models.value.hybrid import HybridValue, HybridValueCandidate
from models.value.protocol import ValueCandidate

each_candidate = pytest.mark.parametrize("candidate", VALUE_CANDIDATES, ids=lambda candidate: candidate.name)


@pytest.fixture(scope="module")
def hybrid(snapshots: list[Snapshot]) -> HybridValue:
    closed = [snapshot for snapshot in snapshots if snapshot.closed_on <= snapshots[-1].as_of]
    return HybridValueCandidate().fit(closed, snapshots[-1].frame)


@each_candidate
def test_every_value_candidate_predicts_finite_spend_in_the_order_of_the_rows(
    candidate: ValueCandidate, snapshots: list[Snapshot]
) -> None:
    model, frame = candidate.fit(snapshots[:-1], snapshots[-1].frame), snapshots[-1].frame
    spend = model.expected(frame)
    assert len(spend) == frame.height
    assert (spend.is_finite() & (spend >= 0)).all()
    assert_series_equal(model.expected(frame.reverse()), spend.reverse())
    low, high = model.quantile(frame, 0.1), model.quantile(frame, 0.9)
    if low is not None and high is not None:
        assert ((low >= 0) & (low <= high)).all()


def test_the_hybrid_ranks_and_totals_better_than_the_naive_baseline(hybrid: HybridValue, snapshots: list[Snapshot]) -> None:
    from training.metrics import value_metrics

    newest = snapshots[-1].frame
    spend = newest["next_spend"].to_numpy()
    actual = value_metrics(spend, hybrid.expected(newest).to_numpy())
    naive = value_metrics(spend, VALUE_BASELINE.fit([], newest).expected(newest).to_numpy())
    assert actual["gini"] > naive["gini"]
    assert actual["tweedie_deviance"] < naive["tweedie_deviance"]


def test_about_one_in_ten_spends_more_than_the_upper_quantile(hybrid: HybridValue, snapshots: list[Snapshot]) -> None:
    newest = snapshots[-1].frame
    high = hybrid.quantile(newest, 0.9)
    assert 0.05 < (newest["next_spend"] > high).mean() < 0.18  # type: ignore[operator]  # a mean of booleans
    assert (high.filter(hybrid.churn.p_churn(newest) >= 0.9) == 0).all()


def test_the_seasonal_offset_shifts_all_customers_equally(hybrid: HybridValue, snapshots: list[Snapshot]) -> None:
    frame = snapshots[-1].frame
    neutral = frame.with_columns(btyd_value_level=pl.lit(0.0), btyd_churn_level=pl.lit(0.0))
    slump = neutral.with_columns(btyd_value_level=pl.lit(-0.5), btyd_churn_level=pl.lit(0.4))
    assert np.allclose(hybrid.expected(slump).to_numpy(), hybrid.expected(neutral).to_numpy() * np.exp(-0.5))
    assert (hybrid.churn.p_churn(slump) > hybrid.churn.p_churn(neutral)).all()
    assert hybrid.churn.p_churn(slump).rank().equals(hybrid.churn.p_churn(neutral).rank())


def test_without_an_offset_the_total_is_that_of_the_order_models(hybrid: HybridValue, snapshots: list[Snapshot]) -> None:
    frame = snapshots[-1].frame
    order_models = (frame["btyd_expected_orders"] * frame["btyd_expected_spend"]).sum()
    assert hybrid.expected_without_offset(frame).sum() == pytest.approx(order_models, rel=1e-3)
    p_order = 1 - hybrid.churn.p_churn(frame.with_columns(btyd_churn_level=pl.lit(0.0)))
    assert p_order.sum() == pytest.approx((1 - frame["btyd_p_no_order"]).sum(), rel=0.01)


def test_a_loaded_hybrid_predicts_the_same_quantiles(hybrid: HybridValue, snapshots: list[Snapshot], tmp_path: Path) -> None:
    hybrid.save(tmp_path)
    frame = snapshots[-1].frame
    assert_series_equal(HybridValue.load(tmp_path).quantile(frame, 0.9), hybrid.quantile(frame, 0.9))
