from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.special import expit, logit

from features.frames.encoded import encode_tables
from features.tables.schema import Tables
from models.btyd import BGNBD, GammaGamma
from models.btyd.pair import BuyTillYouDie
from models.btyd.seasonal_level import SeasonalOffset
from models.snapshot import Snapshot
from settings.sections import Calendar, Event
from training.data.seasonal_levels import OffsetInputs, offset_as_of, persistent_offset, predicted_offset

START = date(2023, 1, 1)


def log(days: int, *, quiet: range = range(0), busy: range = range(0)) -> pl.DataFrame:
    """Return purchase days of a thousand customers who order about every twenty days.

    On quiet days they order half as often, on busy days twice as often.
    """
    rng = np.random.default_rng(5)
    p_order = np.full(days, 0.05)
    p_order[[day for day in quiet if day < days]] /= 2
    p_order[[day for day in busy if day < days]] *= 2
    bought = rng.random((1_000, days)) < p_order
    bought[np.arange(1_000), rng.integers(0, 60, 1_000)] = True
    customer, day = np.nonzero(bought)
    return pl.DataFrame({"customer_id": customer, "day": [START + timedelta(days=int(d)) for d in day], "spend": 10.0})


def tables(days: pl.DataFrame) -> Tables:
    lines = days.select(
        pl.col("customer_id").cast(pl.String).str.zfill(4),
        pl.int_range(pl.len()).cast(pl.String).alias("order_id"),
        pl.col("day").cast(pl.Datetime("us")).alias("ordered_at"),
        pl.col("spend").alias("amount"),
    )
    return Tables(lines.lazy())


def test_a_window_with_half_the_orders_has_that_offset() -> None:
    offset = offset_as_of(OffsetInputs(log(400, quiet=range(300, 390))), START + timedelta(days=300), 90)
    assert offset.churn > 0.5
    assert offset.value == pytest.approx(np.log(0.5), abs=0.1)
    assert offset_as_of(OffsetInputs(log(400).head(20)), START + timedelta(days=300), 10) == SeasonalOffset()


def test_half_of_a_recent_slump_is_expected_to_last_and_nothing_of_a_surge() -> None:
    as_of = START + timedelta(days=240)
    slump = predicted_offset(encode_tables(tables(log(240, quiet=range(210, 240)))), as_of, 90)
    surge = predicted_offset(encode_tables(tables(log(240, busy=range(210, 240)))), as_of, 90)
    assert slump.churn > 0.1
    assert -0.45 < slump.value < -0.2
    assert surge == SeasonalOffset()


@pytest.mark.slow
def test_the_change_of_a_year_ago_is_expected_again_once_the_log_is_long_enough() -> None:
    quiet = range(300, 390)
    long, short = log(665, quiet=quiet), log(665, quiet=quiet).filter(pl.col("day") >= START + timedelta(days=250))
    as_of = START + timedelta(days=665)
    season = predicted_offset(encode_tables(tables(long)), as_of, 90)
    assert season.value == pytest.approx(0.8 * np.log(0.5), abs=0.15)
    assert season.churn > 0.3
    assert abs(predicted_offset(encode_tables(tables(short)), as_of, 90).value) < 0.1


def test_later_orders_do_not_change_the_offset() -> None:
    days = log(500, quiet=range(200, 300))
    as_of = START + timedelta(days=420)
    known = days.filter(pl.col("day") < as_of)
    assert predicted_offset(encode_tables(tables(days)), as_of, 90) == predicted_offset(encode_tables(tables(known)), as_of, 90)


def snapshot_with(error: float, back: int, horizon_days: int = 90, log_days: int | None = None) -> Snapshot:
    """Return a closed window in which the order model predicted that many log-odds too few churners, or too many."""
    rng = np.random.default_rng(back)
    p = rng.uniform(0.1, 0.9, 4_000)
    churned = rng.random(4_000) < expit(logit(p) + error)
    frame = pl.DataFrame(
        {
            "T": 10 * horizon_days if log_days is None else log_days,
            "btyd_p_no_order": p,
            "btyd_expected_orders": 1 - p,
            "btyd_expected_spend": 10.0,
            "churned": churned.astype(np.int8),
            "next_spend": (1 - p) * 10.0,
        }
    )
    pair = BuyTillYouDie(BGNBD(1.0, 10.0, 1.0, 2.0), GammaGamma(1.0, 4.0, 30.0))
    return Snapshot(START - timedelta(days=horizon_days * back), horizon_days, frame, pair)


def test_windows_with_less_than_two_horizons_of_log_before_say_nothing() -> None:
    short = [snapshot_with(-0.6, back, log_days=179) for back in (4, 3, 2, 1)]
    assert persistent_offset(short) == SeasonalOffset()
    assert persistent_offset([snapshot_with(-0.6, back, log_days=180) for back in (4, 3, 2, 1)]) != SeasonalOffset()


def test_what_the_order_model_misses_in_every_window_is_corrected() -> None:
    windows = [snapshot_with(-0.6, back) for back in (4, 3, 2, 1)]
    assert persistent_offset(windows).churn == pytest.approx(-0.55, abs=0.1)
    assert persistent_offset(windows).value == pytest.approx(0.0, abs=0.02)
    predicted = [replace(window, btyd=window.btyd.with_offset(SeasonalOffset(churn=-0.6))) for window in windows]
    assert persistent_offset(predicted).churn == 0.0


def test_errors_of_either_sign_are_seasons_and_leave_nothing() -> None:
    windows = [snapshot_with(error, back) for error, back in zip((0.7, -0.6, 0.5, -0.7), (4, 3, 2, 1), strict=True)]
    assert persistent_offset(windows).churn == 0.0


def test_errors_of_less_than_a_year_may_be_a_season() -> None:
    windows = [snapshot_with(-0.6, back) for back in (3, 2, 1)]
    assert persistent_offset(windows) == SeasonalOffset()
    assert persistent_offset([snapshot_with(-1.2, 1, horizon_days=365)]).churn < -0.5
    assert persistent_offset([]) == SeasonalOffset()


def test_a_surge_before_the_first_christmas_is_expected_to_reverse_by_half() -> None:
    as_of = START + timedelta(days=365)  # 1 January, after a year of log
    days = encode_tables(tables(log(365, busy=range(300, 365))))
    without, british = (predicted_offset(days, as_of, 90, Calendar(country=country)) for country in (None, "GB"))
    assert british.churn > without.churn + 0.1
    assert british.value < without.value - 0.1
    assert predicted_offset(encode_tables(tables(log(365))), as_of, 90, Calendar(country="GB")).churn == pytest.approx(
        0.0, abs=0.1
    )


def test_events_are_added_to_the_level_ahead() -> None:
    as_of = START + timedelta(days=200)
    days, event = encode_tables(tables(log(200))), Event("sale", as_of, as_of + timedelta(days=8), orders=2.0)
    usual, with_sale = (predicted_offset(days, as_of, 90, Calendar(events=events)).value for events in ((), (event,)))
    assert with_sale - usual == pytest.approx(np.log(1.1))
