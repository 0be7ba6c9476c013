"""What the customer spent: in all, per purchase, and in windows before the as-of date."""

from datetime import date

import polars as pl

from features.feature import Feature
from features.purchases import CUSTOMER, DAY, total

FAMILY = "spend"
WINDOWS = (30, 90, 365)
HIGHEST_TREND = 4.0
YEAR, SEASON_DAYS = 365, 90
NO_LINE = "no order line yet"
FEATURES = (
    Feature("historic_value", "currency", "Everything bought less everything returned", NO_LINE),
    Feature("monetary_value", "currency", "Net spend per purchase after the first one", "fewer than two purchases"),
    Feature("mean_order_value", "currency", "Net spend per purchase", "no purchase yet"),
    Feature("return_share", "share", "Returned amount over the amount bought", "nothing bought for money yet"),
    *(Feature(f"orders_{w}", "days with a purchase", f"Purchases in the last {w} days", NO_LINE) for w in WINDOWS),
    *(Feature(f"spend_{w}", "currency", f"Net spend in the last {w} days", NO_LINE) for w in WINDOWS),
    Feature(
        "spend_season", "currency", "Net spend a year ago in the 90 days that lie ahead now", "the first line is not a year old"
    ),
    Feature("largest_order", "currency", "Highest net spend of a day with a purchase", "no purchase yet"),
    Feature(
        "spend_trend",
        "ratio",
        "Spend of the last 90 days over a quarter of the spend of the last 365, between -4 and 4",
        "no net spend in 365 days",
    ),
)


def spend(days: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    """Return value columns per customer with an order line; a window of w days is [as_of - w, as_of).

    Returns net against spend on the day they came back, and never count as purchases. monetary_value takes
    what came back before the second purchase as part of the first.
    """
    value, bought = pl.col("spend"), pl.col("is_purchase")
    second = pl.col(DAY).filter(bought).sort().get(1, null_on_oob=True)
    age = (pl.lit(as_of) - pl.col(DAY)).dt.total_days()
    season = age.is_between(YEAR - SEASON_DAYS, YEAR, closed="right")
    windows = days.group_by(CUSTOMER).agg(
        pl.when(age.max() >= YEAR).then(total(value.filter(season))).alias("spend_season"),
        value.filter(bought).max().alias("largest_order"),
        total(value).alias("historic_value"),
        total(pl.col("returned")),
        bought.sum().alias("purchases"),
        total(value.filter(pl.col(DAY) >= second)).alias("later_spend"),
        *(bought.filter(age <= window).sum().cast(pl.Int64).alias(f"orders_{window}") for window in WINDOWS),
        *(total(value.filter(age <= window)).alias(f"spend_{window}") for window in WINDOWS),
    )
    return windows.select(CUSTOMER, *_columns(), "spend_season", "largest_order")


def _columns() -> list[pl.Expr]:
    net, gross = pl.col("historic_value"), pl.col("historic_value") + pl.col("returned")
    repeats = pl.col("purchases").cast(pl.Int64) - 1
    return [
        net,
        pl.when(repeats > 0).then(pl.col("later_spend") / repeats).alias("monetary_value"),
        pl.when(repeats >= 0).then(net / (repeats + 1)).alias("mean_order_value"),
        pl.when(gross > 0).then(pl.col("returned") / gross).alias("return_share"),
        *(pl.col(f"orders_{window}") for window in WINDOWS),
        *(pl.col(f"spend_{window}") for window in WINDOWS),
        pl.when(pl.col("spend_365") > 0)
        .then((pl.col("spend_90") * 4 / pl.col("spend_365")).clip(-HIGHEST_TREND, HIGHEST_TREND))
        .alias("spend_trend"),
    ]
