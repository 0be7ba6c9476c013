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
    assert share_returned(silences, [30, 100, 200]).rows() == [(30, 3, pytest.approx(1 / 3)), (100, 1, 0.0), (200, 0, None)]


def test_the_activity_window_is_the_silence_after_which_hardly_any_customer_returns() -> None:
    ended, ongoing = [(20, True)] * 80 + [(40, True)] * 20 + [(150, True)] * 5, [(100, False)] * 10 + [(200, False)] * 50
    silences = pl.DataFrame(ended + ongoing, schema=["days", "ended"], orient="row")
    assert propose_windows(silences) == Windows(40, 100)


@pytest.mark.parametrize(
    ("as_of", "message"), [(date(2025, 8, 2), "later than today"), (date(2025, 1, 1), "No order was made before")]
)
def test_an_impossible_as_of_date_is_refused(orders: Callable[..., pl.LazyFrame], as_of: date, message: str) -> None:
    with pytest.raises(AsOfDateError, match=message):
        resolve_as_of(order_rhythm(orders([("a", "2025-01-01", 1.0)])), as_of, date(2025, 8, 1))
