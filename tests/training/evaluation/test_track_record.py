from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from models.track_record import Standing
from training.evaluation.backtest_result import Backtest
from training.evaluation.track_record import track_record
from training.metrics import auc

DAYS = (date(2024, 1, 1), date(2024, 4, 1))


def backtest_of(signal: float, rows: int = 1_000, days: tuple[date, ...] = DAYS, shift: float = 0.0) -> Backtest:
    """Return a backtest of a model with that correlation; the second day has another level, of outcomes or of predictions."""
    rng = np.random.default_rng(3)
    frames = []
    for index, day in enumerate(days):
        truth = rng.normal(0, 1.5, rows)
        p = expit(signal * truth + (1 - signal) * rng.normal(0, 1.5, rows) + shift * index)
        churned = (rng.random(rows) < expit(truth)).astype(float)
        customers = [str(customer) for customer in range(rows)]
        frames.append(pl.DataFrame({"customer_id": customers, "origin": [day] * rows, "churned": churned, "p:model": p}))
    return Backtest(pl.concat(frames), {})


def test_the_auc_is_within_days_so_that_levels_do_not_count() -> None:
    plain, shifted = (track_record(backtest_of(1.0, shift=shift), "model", 90) for shift in (0.0, 3.0))
    assert shifted.auc == pytest.approx(plain.auc)
    assert shifted.low == pytest.approx(plain.low)
    pooled = backtest_of(1.0, shift=3.0).frame
    assert pooled is not None
    assert auc(pooled["churned"].to_numpy(), pooled["p:model"].to_numpy()) < plain.auc - 0.05  # type: ignore[operator]


def test_a_model_with_signal_is_tested_and_noise_cannot_rank() -> None:
    good, noise = (track_record(backtest_of(signal), "model", 90) for signal in (0.8, 0.0))
    assert good.standing is Standing.TESTED
    assert (good.origins, good.rows) == (2, 2_000)
    assert good.low < good.auc < good.high  # type: ignore[operator]
    assert noise.standing is Standing.CANNOT_RANK


def test_one_day_is_weak_evidence() -> None:
    assert track_record(backtest_of(0.9, days=DAYS[:1]), "model", 90).standing is Standing.WEAK


def test_origins_without_a_fit_do_not_count() -> None:
    result = backtest_of(0.9)
    first = pl.when(pl.col("origin") > DAYS[0]).then(pl.col("p:model")).alias("p:model")
    record = track_record(Backtest(result.frame.with_columns(first), {}), "model", 90)  # type: ignore[union-attr]
    assert (record.origins, record.rows) == (1, 1_000)


def test_without_predictions_nothing_was_tested() -> None:
    assert track_record(Backtest(None, {}), "model", 90).standing is Standing.NEVER
    assert track_record(backtest_of(0.5), "other", 90).standing is Standing.NEVER


def test_a_day_on_which_everybody_churned_says_nothing() -> None:
    frame = backtest_of(0.9).frame.with_columns(churned=pl.lit(1.0))  # type: ignore[union-attr]
    assert track_record(Backtest(frame, {}), "model", 90).standing is Standing.NEVER
