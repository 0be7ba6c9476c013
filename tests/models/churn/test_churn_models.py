"""One contract for every churn candidate."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal, assert_series_equal

from models.btyd.bgcnbd import MBGCNBD
from models.btyd.bgnbd import BGNBD
from models.btyd.pair import HORIZON_COLUMN, SEASONAL_COLUMNS
from models.btyd.paretonbd import ParetoNBD
from models.churn.base_rate import BaseRateCandidate
from models.churn.calibration import Calibration, fit_calibration
from models.churn.hybrid import fit_slope
from models.churn.order_average import OrderAverageCandidate
from models.churn.order_columns import OrderColumnCandidate
from models.churn.protocol import Candidate
from models.errors import TooLittleDataError
from models.files import write_json
from models.log_odds import log_odds
from models.registry import BASELINE, CANDIDATES, load_churn_model
from models.snapshot import Snapshot
from models.trees.boosting import INPUTS

each_candidate = pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda candidate: candidate.name)
LEARNERS = [candidate for candidate in CANDIDATES if candidate not in (OrderColumnCandidate(), OrderAverageCandidate())]
RANKING = pytest.mark.parametrize("candidate", [c for c in CANDIDATES if c != BaseRateCandidate()], ids=lambda c: c.name)


@each_candidate
def test_probabilities_lie_strictly_between_zero_and_one_in_the_order_of_the_rows(
    candidate: Candidate, snapshots: list[Snapshot]
) -> None:
    model, frame = candidate.fit(snapshots[:-1], snapshots[-1].frame), snapshots[-1].frame
    p = model.p_churn(frame)
    assert p.name == "p_churn"
    assert ((p > 0) & (p < 1)).all()
    assert_series_equal(model.p_churn(frame.reverse()), p.reverse())


@each_candidate
def test_the_columns_kept_of_past_contacts_suffice_for_a_prediction(candidate: Candidate, snapshots: list[Snapshot]) -> None:
    model, frame = candidate.fit(snapshots, snapshots[-1].frame), snapshots[-1].frame
    assert_series_equal(model.p_churn(frame.select(*INPUTS, *SEASONAL_COLUMNS, HORIZON_COLUMN)), model.p_churn(frame))


@each_candidate
def test_a_loaded_model_predicts_the_same_as_the_saved_one(
    candidate: Candidate, snapshots: list[Snapshot], tmp_path: Path
) -> None:
    model, frame = candidate.fit(snapshots, snapshots[-1].frame), snapshots[-1].frame
    model.save(tmp_path)
    loaded = load_churn_model(tmp_path)
    assert loaded.name == candidate.name
    assert_series_equal(loaded.p_churn(frame), model.p_churn(frame))
    assert_frame_equal(loaded.contributions(frame), model.contributions(frame))


@each_candidate
def test_a_saved_model_names_no_customer(candidate: Candidate, snapshots: list[Snapshot], tmp_path: Path) -> None:
    candidate.fit(snapshots, snapshots[-1].frame).save(tmp_path)
    saved = " ".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert not [customer for customer in snapshots[-1].frame["customer_id"] if f'"{customer}"' in saved]


@each_candidate
def test_the_same_history_gives_the_same_model(candidate: Candidate, snapshots: list[Snapshot]) -> None:
    first, second = candidate.fit(snapshots, snapshots[-1].frame), candidate.fit(snapshots, snapshots[-1].frame)
    assert_series_equal(first.p_churn(snapshots[-1].frame), second.p_churn(snapshots[-1].frame))


@RANKING
def test_risk_rises_with_the_sum_of_contributions(candidate: Candidate, snapshots: list[Snapshot]) -> None:
    model, frame = candidate.fit(snapshots, snapshots[-1].frame), snapshots[-1].frame
    total = model.contributions(frame).sum_horizontal()
    ranks = pl.DataFrame({"p": model.p_churn(frame), "total": total}).select(pl.corr("p", "total", method="spearman")).item()
    assert ranks > 0.999


@RANKING
def test_every_candidate_beats_the_constant_churn_rate(candidate: Candidate, snapshots: list[Snapshot]) -> None:
    newest = snapshots[-1]
    closed = [snapshot for snapshot in snapshots if snapshot.closed_on <= newest.as_of]
    p, y = candidate.fit(closed, newest.frame).p_churn(newest.frame).to_numpy(), newest.frame["churned"].to_numpy()
    constant = np.full(len(y), y.mean())
    assert -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)) < -np.mean(y * np.log(constant) + (1 - y) * np.log(1 - constant))


@pytest.mark.parametrize("candidate", LEARNERS, ids=lambda candidate: candidate.name)
def test_without_a_closed_window_a_learner_is_refused(candidate: Candidate, snapshots: list[Snapshot]) -> None:
    with pytest.raises(TooLittleDataError, match="too short"):
        candidate.fit([], snapshots[-1].frame)


def test_the_baseline_is_among_the_candidates() -> None:
    assert BASELINE in CANDIDATES


def test_calibration_removes_a_known_distortion() -> None:
    rng = np.random.default_rng(4)
    true = rng.uniform(0.02, 0.98, 40_000)
    outcome = (rng.random(40_000) < true).astype(float)
    distorted = 1 / (1 + np.exp(-(2 * np.log(true / (1 - true)) + 1)))
    calibration = fit_calibration(distorted, outcome)
    np.testing.assert_allclose(calibration.apply(distorted), true, atol=0.02)
    assert Calibration().apply(np.array([0.3]))[0] == pytest.approx(0.3)


def test_the_base_rate_is_that_of_the_newest_windows_and_the_newest_counts_most(snapshots: list[Snapshot]) -> None:
    always = [replace(snapshot, frame=snapshot.frame.with_columns(churned=pl.lit(1, pl.Int8))) for snapshot in snapshots[:-1]]
    never = replace(snapshots[-1], frame=snapshots[-1].frame.with_columns(churned=pl.lit(0, pl.Int8)))
    frame = snapshots[-1].frame
    assert BaseRateCandidate().fit(always, frame).rate > 0.99
    assert 0.05 < BaseRateCandidate().fit([*always, never], frame).rate < 0.5


def test_a_short_log_shrinks_the_order_models_towards_one_half_by_what_they_saw(snapshots: list[Snapshot]) -> None:
    frame = snapshots[-1].frame
    few = frame.filter(pl.col("frequency") > 0).head(6).vstack(frame.filter(pl.col("frequency") == 0).head(30))
    all_buyers, six = (OrderAverageCandidate().fit([], rows) for rows in (frame, few))
    assert all_buyers.shrinkage > 0.9
    assert six.shrinkage == pytest.approx(6 / (6 + 15))
    shorter = few.with_columns(pl.lit(2 * int(few["T"].max())).alias(HORIZON_COLUMN))  # type: ignore[call-overload]
    assert OrderAverageCandidate().fit([], shorter).shrinkage == pytest.approx(6 / (6 + 15 * 4))


def test_the_average_of_an_earlier_version_is_that_of_its_three_models(snapshots: list[Snapshot], tmp_path: Path) -> None:
    frame = snapshots[-1].frame
    models = {"BG/NBD": BGNBD().fit(frame), "MBG/CNBD-k": MBGCNBD().fit(frame), "Pareto/NBD": ParetoNBD().fit(frame)}
    stored = {"orders": {kind: model.to_json() for kind, model in models.items()}, "horizon_days": 60, "shrinkage": 0.7}
    write_json(tmp_path / "churn.json", {"name": "order_average", "average": 0.1, **stored})
    probabilities = [model.p_no_order(frame, 60).to_numpy() for model in models.values()]
    expected = 1 / (1 + np.exp(-0.7 * np.mean([log_odds(p) for p in probabilities], axis=0)))
    np.testing.assert_allclose(load_churn_model(tmp_path).p_churn(frame).to_numpy(), expected, rtol=1e-12)


def test_a_bgnbd_stored_before_it_had_parameters_of_its_own_is_the_column(snapshots: list[Snapshot], tmp_path: Path) -> None:
    (tmp_path / "churn.json").write_text('{"name": "bgnbd", "average": 0.5}', encoding="utf-8")
    loaded, frame = load_churn_model(tmp_path), snapshots[-1].frame
    assert loaded.name == "bgnbd"
    assert loaded.p_churn(frame).equals(frame["btyd_p_no_order"])


def test_the_order_models_odds_count_fully_unless_past_windows_contradict_them() -> None:
    rng = np.random.default_rng(6)
    p = rng.uniform(0.1, 0.9, 4_000)
    odds = np.log(p / (1 - p))

    def window(slope: float) -> pl.DataFrame:
        churned = rng.random(len(p)) < 1 / (1 + np.exp(-(slope * odds + 0.5)))
        return pl.DataFrame({"btyd_p_no_order": p, "churned": churned.astype(np.int8)})

    assert fit_slope([window(1.0), window(0.7)]) == 1.0
    assert fit_slope([window(-0.6)]) == pytest.approx(-0.6, abs=0.1)
    assert fit_slope([window(0.0)]) == pytest.approx(0.0, abs=0.1)
