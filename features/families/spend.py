"""What the customer spent: in total, per purchase, and in windows before the as-of date."""

from datetime import date

import polars as pl

from features.families.feature import Feature
from features.frames.columns import CUSTOMER, DAY
from features.frames.purchases import occasions, total
from features.frames.sorted_runs import is_among_last, is_first_row

FAMILY = "spend"
WINDOWS = (30, 90, 180, 365)
MAX_TREND = 4.0
YEAR_DAYS, SEASON_DAYS = 365, 90
MONTH_DAYS, MAX_MONTHS, MIN_MONTHS = 30, 12, 3
RECENT_PURCHASES = 3
NO_LINE = "no order line yet"
FEATURES = (
    Feature("historic_value", "currency", "Everything bought minus everything returned", NO_LINE),
    Feature("monetary_value", "currency", "Net spend per purchase after the first", "fewer than two purchases"),
    Feature("mean_order_value", "currency", "Net spend per purchase"),
    Feature("recent_order_value", "currency", f"Average net spend of the last {RECENT_PURCHASES} days with a purchase"),
    Feature("largest_order", "currency", "Highest net spend of a day with a purchase"),
    Feature("return_share", "share", "Returned amount divided by the amount bought", "nothing bought for money yet"),
    *(Feature(f"orders_{w}", "days with a purchase", f"Purchases in the last {w} days", NO_LINE) for w in WINDOWS),
    *(Feature(f"spend_{w}", "currency", f"Net spend in the last {w} days", NO_LINE) for w in WINDOWS),
    Feature(
        "spend_season",
        "currency",
        "Net spend a year ago in the 90 calendar days that come next",
        "the first line is less than a year old",
    ),
    Feature(
        "spend_trend",
        "ratio",
        "Spend of the last 90 days divided by a quarter of the spend of the last 365, limited to -4 to 4",
        "no net spend in 365 days",
    ),
    Feature(
        "spend_slope",
        "currency",
        "Least-squares increase in spend from one 30-day block to the next, over the last year or since the first line if later",
        "the first line is less than 90 days old",
    ),
)


def spend(days: pl.LazyFrame, as_of: date) -> list[pl.LazyFrame]:
    """Return frames of value columns per customer with an order line; a window of w days is [as_of - w, as_of).

    `days` are sorted. Returns net against spend on the day of the return, and never count as purchases. For monetary_value,
    returns before the second purchase belong to the first. spend_slope is the slope of the least-squares line through the spend
    of whole 30-day blocks, at most twelve.
    """
    positioned = days.select(CUSTOMER, "spend", "returned", "is_purchase", *_positions(as_of))
    sums = positioned.with_columns(_amounts()).group_by(CUSTOMER).agg(_sums())
    return [sums.select(CUSTOMER, *_columns()), _recent_order_value(occasions(days))]


def _positions(as_of: date) -> list[pl.Expr]:
    """Return the age of each day, the number of its purchase, and the whole 30-day blocks since the first line."""
    purchase = pl.col("is_purchase").cast(pl.Int64)
    so_far = purchase.cum_sum()
    before = pl.when(is_first_row()).then(so_far - purchase).fill_null(strategy="forward")
    age = (pl.lit(as_of) - pl.col(DAY)).dt.total_days()
    return [
        age.alias("age"),
        (so_far - before).alias("number"),
        pl.min_horizontal(pl.when(is_first_row()).then(age // MONTH_DAYS).fill_null(strategy="forward"), MAX_MONTHS).alias(
            "months"
        ),
    ]


def _amounts() -> list[pl.Expr]:
    age, spend_of_day, is_purchase = pl.col("age"), pl.col("spend"), pl.col("is_purchase")
    block = (age - 1) // MONTH_DAYS
    return [
        *(pl.when(age <= window).then(spend_of_day).alias(f"spend_{window}") for window in WINDOWS),
        *((is_purchase & (age <= window)).alias(f"orders_{window}") for window in WINDOWS),
        pl.when(age.is_between(YEAR_DAYS - SEASON_DAYS, YEAR_DAYS, closed="right")).then(spend_of_day).alias("season"),
        pl.when(is_purchase).then(spend_of_day).alias("paid"),
        pl.when(pl.col("number") > 1).then(spend_of_day).alias("later"),
        pl.when(block < pl.col("months")).then(spend_of_day).alias("year"),
        pl.when(block < pl.col("months")).then(spend_of_day * block).alias("moment"),
    ]


def _sums() -> list[pl.Expr]:
    return [
        total(pl.col("spend")).alias("historic_value"),
        *(total(pl.col(name)) for name in ("returned", "later", "season", "year", "moment")),
        *(total(pl.col(f"spend_{window}")) for window in WINDOWS),
        *(pl.col(f"orders_{window}").sum().cast(pl.Int64) for window in WINDOWS),
        pl.col("is_purchase").sum().cast(pl.Int64).alias("purchases"),
        pl.col("paid").max().alias("largest_order"),
        pl.col("age").max(),
        pl.col("months").first(),
    ]


def _columns() -> list[pl.Expr]:
    net, gross = pl.col("historic_value"), pl.col("historic_value") + pl.col("returned")
    repeats = pl.col("purchases") - 1
    trend = pl.col("spend_90") * 4 / pl.col("spend_365")
    return [
        net,
        pl.when(repeats > 0).then(pl.col("later") / repeats).alias("monetary_value"),
        pl.when(repeats >= 0).then(net / (repeats + 1)).alias("mean_order_value"),
        pl.col("largest_order"),
        pl.when(gross > 0).then(pl.col("returned") / gross).alias("return_share"),
        *(pl.col(f"orders_{window}") for window in WINDOWS),
        *(pl.col(f"spend_{window}") for window in WINDOWS),
        pl.when(pl.col("age") >= YEAR_DAYS).then(pl.col("season")).alias("spend_season"),
        pl.when(pl.col("spend_365") > 0).then(trend.clip(-MAX_TREND, MAX_TREND)).alias("spend_trend"),
        _slope().alias("spend_slope"),
    ]


def _slope() -> pl.Expr:
    """Return the least-squares slope over block numbers 0 (newest) to m - 1, from the sums of spend and of number x spend."""
    m = pl.col("months").cast(pl.Int64)
    cross_product = (m - 1) / 2 * pl.col("year") - pl.col("moment")
    return pl.when(m >= MIN_MONTHS).then(cross_product / (m * (m**2 - 1) / 12))


def _recent_order_value(purchases: pl.LazyFrame) -> pl.LazyFrame:
    newest = purchases.filter(is_among_last(RECENT_PURCHASES)).group_by(CUSTOMER)
    return newest.agg((total(pl.col("spend")) / pl.len()).alias("recent_order_value"))
