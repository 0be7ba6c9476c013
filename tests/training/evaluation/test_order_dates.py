from datetime import date, timedelta
from functools import cache

import numpy as np
import polars as pl
import pytest

from features.btyd_summary import purchase_histories
from features.tables.schema import Tables
from models.waiting.order_dates import OrderDates
from training.evaluation.order_dates import fit_order_dates
from training.evaluation.past_forecasts import PastForecasts

FIRST, AS_OF, HORIZON = date(2019, 1, 1), date(2025, 1, 1), 365
ORIGINS = [date(2022, 1, 1), date(2023, 1, 1), date(2024, 1, 1)]
CUSTOMERS = 150


def orders(middle: int, std: float, seed: int = 0) -> pl.DataFrame:
    """Customers who give in four of five years, around the same day of the year."""
    rng = np.random.default_rng(seed)
    day_of_year = np.clip(rng.normal(middle, std, (CUSTOMERS, 6)), 0, 364).astype(int)
    given = rng.random((CUSTOMERS, 6)) < 0.8
    rows = [
        (f"c{customer}", FIRST + timedelta(days=int(365 * year + day_of_year[customer, year])))
        for customer, year in zip(*np.nonzero(given), strict=True)
    ]
    return pl.DataFrame(rows, schema=["customer_id", "day"], orient="row").sort("customer_id", "day")


def tables(days: pl.DataFrame) -> Tables:
    rows = days.select(
        "customer_id",
        pl.int_range(pl.len()).cast(pl.String).alias("order_id"),
        pl.col("day").cast(pl.Datetime("us")).alias("ordered_at"),
        pl.lit(20.0).alias("amount"),
    )
    return Tables(rows.lazy())


def features(days: pl.DataFrame, as_of: date) -> pl.DataFrame:
    histories = purchase_histories(days.with_columns(pl.lit(20.0).alias("spend")), as_of)
    return histories.with_columns(pl.lit(as_of).alias("as_of"), pl.lit(0.25).alias("p_churn"))


def fit(days: pl.DataFrame) -> OrderDates:
    known = days.filter(pl.col("day") < AS_OF)
    past = [PastForecasts(day, features(known, day), 0.5**newer) for newer, day in zip((2, 1, 0), ORIGINS, strict=True)]
    return fit_order_dates(tables(known), features(known, AS_OF), past, AS_OF, HORIZON)


@cache
def december() -> tuple[pl.DataFrame, OrderDates]:
    days = orders(middle=345, std=8.0)
    return days, fit(days)


def test_where_all_order_in_december_dates_follow_the_clock() -> None:
    days, dates = december()
    assert dates.clock is not None
    assert dates.coverage is not None
    assert dates.is_trusted
    current = features(days, AS_OF)
    median = dates.waiting_times(current, current["p_churn"], HORIZON)["next_order_days"]
    assert median.is_between(330, 365).mean() > 0.9  # a donor of a year says little yet


def test_half_of_the_customers_have_ordered_by_the_median_date() -> None:
    dates = fit(orders(middle=180, std=100.0, seed=1))
    assert dates.coverage == pytest.approx(0.5, abs=0.12)


def test_without_a_past_day_nothing_is_mapped() -> None:
    days, _ = december()
    dates = fit_order_dates(tables(days), features(days, AS_OF), [], AS_OF, HORIZON)
    assert dates == OrderDates(dates.orders)


def test_a_day_of_a_few_customers_says_nothing_about_coverage() -> None:
    few = december()[0].filter(pl.col("customer_id").is_in([f"c{number}" for number in range(40)]))
    assert fit(few).coverage is None


def test_orders_after_the_day_change_nothing() -> None:
    days, dates = december()
    later = pl.DataFrame({"customer_id": ["c0"] * 200, "day": [AS_OF + timedelta(days=n) for n in range(200)]})
    assert fit(pl.concat([days, later]).sort("customer_id", "day")).to_json() == dates.to_json()
