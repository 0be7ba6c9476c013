"""The customer's purchase rhythm and habits, and how the current silence compares with them."""

from datetime import date

import polars as pl

from features.families.feature import Feature
from features.frames.columns import CUSTOMER, DAY
from features.frames.purchases import total
from features.frames.sorted_runs import gap_days, is_among_last, last_of_customer

FAMILY = "cadence"
RECENT_GAPS = 3
WEEKDAYS = range(1, 8)
YEAR_DAYS, SEASON_DAYS = 365, 90
UNDER_TWO_PURCHASES = "fewer than two purchases"
UNDER_THREE_PURCHASES = "fewer than three purchases"
FEATURES = (
    Feature("gap_median", "days", "Median time between two purchases", UNDER_TWO_PURCHASES),
    Feature("gap_mean", "days", "Mean time between two purchases", UNDER_TWO_PURCHASES),
    Feature("gap_std", "days", "Standard deviation of the times between purchases", UNDER_THREE_PURCHASES),
    Feature(
        "gap_variation",
        "ratio",
        "Standard deviation divided by the mean; well below 1 for a regular customer",
        UNDER_THREE_PURCHASES,
    ),
    Feature(
        "log_gaps",
        "log days",
        "Sum of the logarithms of the times between purchases, from which order models learn how regular customers are",
        UNDER_TWO_PURCHASES,
        is_model_input=False,
    ),
    Feature("gap_last", "days", "Time between the last two purchases", UNDER_TWO_PURCHASES),
    Feature(
        "gap_trend",
        "ratio",
        "Mean of the last three gaps divided by the mean of all; above 1 the customer is slowing down",
        UNDER_TWO_PURCHASES,
    ),
    Feature(
        "gap_rank", "share", "Share of the customer's own gaps that were no longer than the current silence", UNDER_TWO_PURCHASES
    ),
    Feature(
        "overdue_ratio",
        "ratio",
        "Current silence divided by the median time between purchases; above 1 is overdue",
        UNDER_TWO_PURCHASES,
    ),
    Feature("weekday_share", "share", "Share of purchases on the customer's most common weekday"),
    Feature(
        "season_share",
        "share",
        "Share of purchases made in earlier years within the 90 calendar days that come next",
        "the first purchase is less than a year old",
    ),
)


def cadence(occasions: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    """Return gaps between purchase days, current silence and habits per customer with a purchase before `as_of`.

    `occasions` are sorted. A gap is a whole number of days, so sums of gaps and of their squares are exact, and the sample
    standard deviation does not depend on the order of rows. The median has its own query: sums are computed while the rows
    stream by, but not in one query with a median.
    """
    gap = gap_days()
    age = (pl.lit(as_of) - pl.col(DAY)).dt.total_days()
    in_coming_season = (age % YEAR_DAYS > YEAR_DAYS - SEASON_DAYS) | (age % YEAR_DAYS == 0)
    rows = occasions.select(
        CUSTOMER,
        gap.alias("gap"),
        pl.when(is_among_last(RECENT_GAPS)).then(gap).alias("recent"),
        pl.when(is_among_last(1)).then(gap).alias("last"),
        last_of_customer(age).alias("silence"),
        age.alias("age"),
        in_coming_season.alias("in_coming_season"),
        *((pl.col(DAY).dt.weekday() == weekday).alias(f"weekday{weekday}") for weekday in WEEKDAYS),
    )
    in_order = rows.drop_nulls("gap").with_columns(pl.col(CUSTOMER).set_sorted())
    median = in_order.group_by(CUSTOMER).agg(pl.col("gap").median().alias("gap_median"))
    sums = (
        rows.with_columns((pl.col("gap") <= pl.col("silence")).alias("reached"), (pl.col("gap") ** 2).alias("squared"))
        .group_by(CUSTOMER)
        .agg(
            pl.col("gap").sum().alias("all"),
            pl.col("gap").count().cast(pl.Int64).alias("gaps"),
            pl.col("squared").sum(),
            total(pl.col("gap").log()).alias("log_gaps"),
            pl.col("recent").mean(),
            pl.col("last").max().alias("gap_last"),
            pl.col("reached").sum(),
            pl.col("silence").first(),
            pl.col("age").max(),
            pl.col("in_coming_season").sum(),
            *(pl.col(f"weekday{weekday}").sum() for weekday in WEEKDAYS),
        )
    )
    return sums.join(median, on=CUSTOMER, how="left").select(CUSTOMER, *_columns())


def _columns() -> list[pl.Expr]:
    gaps, purchases = pl.col("gaps"), pl.col("gaps") + 1
    mean = pl.when(gaps > 0).then(pl.col("all") / gaps)
    squares = (pl.col("squared") * gaps - pl.col("all") ** 2).cast(pl.Float64)
    std = pl.when(gaps > 1).then((squares / (gaps * (gaps - 1))).sqrt())
    return [
        pl.col("gap_median"),
        mean.alias("gap_mean"),
        std.alias("gap_std"),
        (std / mean).alias("gap_variation"),
        pl.when(gaps > 0).then("log_gaps").alias("log_gaps"),
        pl.col("gap_last"),
        (pl.col("recent") / mean).alias("gap_trend"),
        pl.when(gaps > 0).then(pl.col("reached") / gaps).alias("gap_rank"),
        (pl.col("silence") / pl.col("gap_median")).alias("overdue_ratio"),
        (pl.max_horizontal(f"weekday{weekday}" for weekday in WEEKDAYS) / purchases).alias("weekday_share"),
        pl.when(pl.col("age") >= YEAR_DAYS).then(pl.col("in_coming_season") / purchases).alias("season_share"),
    ]
