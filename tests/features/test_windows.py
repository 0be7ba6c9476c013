from collections.abc import Callable
from datetime import date

import polars as pl
import pytest

from features.as_of import AsOfDateError, resolve_as_of
from features.order_rhythm import order_rhythm
from features.tables.schema import Tables
from features.windows import Windows, churn_windows, order_gaps, propose_windows, share_returned
from settings.sections import Churn

AS_OF = date(2025, 7, 1)


def test_configured_windows_are_used_unchanged(orders: Callable[..., pl.LazyFrame]) -> None:
    assert churn_windows(Churn(horizon_days=30, active_days=60), Tables(orders([])), AS_OF) == Windows(30, 60)


def test_auto_uses_quantiles_of_the_known_gaps_when_there_are_few_silences(orders: Callable[..., pl.LazyFrame]) -> None:
    rows = [("a", f"2025-0{month}-01", 1.0) for month in range(1, 7)] + [("a", "2030-01-01", 1.0)]
    assert churn_windows(Churn(horizon_days="auto", active_days="auto"), Tables(orders(rows)), AS_OF) == Windows(31, 31)


def test_auto_uses_the_defaults_without_a_repeat_purchase(orders: Callable[..., pl.LazyFrame]) -> None:
    lines = orders([("a", "2025-01-01", 1.0), ("b", "2025-02-01", 1.0)])
    assert churn_windows(Churn(horizon_days="auto", active_days="auto"), Tables(lines), AS_OF) == Windows(90, 365)


def test_the_as_of_date_is_the_day_after_the_newest_order_but_never_after_today(orders: Callable[..., pl.LazyFrame]) -> None:
    tables = Tables(orders([("a", "2025-01-01", 1.0), ("a", "2025-06-10T18:00", 1.0)]))
    assert resolve_as_of(order_rhythm(tables.transactions), None, date(2025, 8, 1)) == date(2025, 6, 11)
    assert resolve_as_of(order_rhythm(tables.transactions), None, date(2025, 6, 10)) == date(2025, 6, 10)


def test_silences_are_the_gaps_and_the_ongoing_silences(orders: Callable[..., pl.LazyFrame]) -> None:
    tables = Tables(
        orders([("a", "2025-01-01", 1.0), ("a", "2025-01-31", 1.0), ("b", "2025-06-01", 1.0), ("b", "2030-01-01", 1.0)])
    )
    silences = order_gaps(tables, AS_OF)
    assert sorted(silences.rows()) == [(30, False), (30, True), (151, False)]
    assert share_returned(silences, [30, 200]).rows() == [(30, 3, None), (200, 0, None)]


def test_the_activity_window_is_the_silence_after_which_hardly_any_customer_returns() -> None:
    ended, ongoing = [(20, True)] * 80 + [(40, True)] * 20 + [(150, True)] * 5, [(100, False)] * 10 + [(200, False)] * 50
    silences = pl.DataFrame(ended + ongoing, schema=["days", "ended"], orient="row")
    proposal = propose_windows(silences, 1_000)
    assert proposal is not None
    assert proposal.windows == Windows(40, 100)
    assert proposal.is_final
    assert proposal.returned == pytest.approx(5 / 55)
    assert proposal.within == pytest.approx(100 / 105)


def silences_of(ended: dict[int, int], ongoing: dict[int, int]) -> pl.DataFrame:
    rows = [(days, True) for days, count in ended.items() for _ in range(count)]
    rows += [(days, False) for days, count in ongoing.items() for _ in range(count)]
    return pl.DataFrame(rows, schema=["days", "ended"], orient="row")


def test_silences_that_the_end_of_the_log_cut_short_do_not_count_as_customers_who_left() -> None:
    """Half of all customers return after 300 days; most silences of 200 days are cut short before."""
    silences = silences_of({20: 200, 300: 40}, {200: 400, 350: 40})
    assert silences.filter(pl.col("days") >= 200)["ended"].mean() == pytest.approx(40 / 480)
    [(_, reached, returned)] = share_returned(silences, [200]).rows()
    assert reached == 480
    assert returned == pytest.approx(0.5)
    proposal = propose_windows(silences, 1_000)
    assert proposal is not None
    assert not proposal.is_final


def test_the_horizon_leaves_windows_to_learn_from_and_to_test_on() -> None:
    silences = silences_of({20: 10, 366: 90}, {100: 10})
    long, short = propose_windows(silences, 3_000), propose_windows(silences, 668)
    assert long is not None
    assert short is not None
    assert (long.windows.horizon_days, long.past_windows) == (366, 7)
    assert (short.windows.horizon_days, short.past_windows, short.rhythm_days) == (167, 3, 366)
    assert short.within == pytest.approx(0.1)


def test_a_short_log_still_has_a_horizon_of_a_week() -> None:
    proposal = propose_windows(silences_of({3: 50}, {2: 10}), 10)
    assert proposal is not None
    assert proposal.windows == Windows(7, 7)


@pytest.mark.parametrize(
    ("as_of", "message"), [(date(2025, 8, 2), "later than today"), (date(2025, 1, 1), "No order was made before")]
)
def test_an_impossible_as_of_date_is_refused(orders: Callable[..., pl.LazyFrame], as_of: date, message: str) -> None:
    with pytest.raises(AsOfDateError, match=message):
        resolve_as_of(order_rhythm(orders([("a", "2025-01-01", 1.0)])), as_of, date(2025, 8, 1))
