"""The customer's own rhythm and habits, and how the present silence compares with them."""

from datetime import date

import polars as pl

from features.families.feature import Feature
from features.frames.columns import CUSTOMER, DAY
from features.frames.sorted_runs import gap_days, is_among_last, since_last

FAMILY = "cadence"
RECENT_GAPS = 3
WEEKDAYS = range(1, 8)
YEAR, SEASON_DAYS = 365, 90
ONCE = "fewer than two purchases"
FEATURES = (
    Feature("gap_median", "days", "Usual time between two purchases", ONCE),
    Feature("gap_mean", "days", "Average time between two purchases", ONCE),
    Feature("gap_std", "days", "Spread of the times between purchases", "fewer than three purchases"),
    Feature("gap_variation", "ratio", "Spread over average; a regular customer is well below 1", "fewer than three purchases"),
    Feature("gap_last", "days", "Time between the last two purchases", ONCE),
    Feature("gap_trend", "ratio", "Average of the last three gaps over that of all; above 1 the customer is slowing down", ONCE),
    Feature("gap_rank", "share", "Share of the customer's own gaps that were no longer than the present silence", ONCE),
    Feature("overdue_ratio", "ratio", "Present silence over the usual time between purchases; above 1 is overdue", ONCE),
    Feature("weekday_share", "share", "Share of purchases on the customer's most usual day of the week"),
    Feature(
        "season_share",
        "share",
        "Share of the purchases that came in earlier years in the 90 days that lie ahead now",
        "the first purchase is not a year old",
    ),
)


def cadence(occasions: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    """Return gaps between purchase days, silence and habits per customer with a purchase before `as_of`.

    `occasions` in order. A gap is a whole number of days, so sums of gaps and of their squares are exact, and the
    spread (sample standard deviation) does not depend on the order in which they are added up. The median stands
    apart: sums are gathered as the rows stream by, and together with a median they would not be.
    """
    gap = gap_days()
    age = (pl.lit(as_of) - pl.col(DAY)).dt.total_days()
    ahead = (age % YEAR > YEAR - SEASON_DAYS) | (age % YEAR == 0)
    rows = occasions.select(
        CUSTOMER,
        gap.alias("gap"),
        pl.when(is_among_last(RECENT_GAPS)).then(gap).alias("recent"),
        pl.when(is_among_last(1)).then(gap).alias("last"),
        since_last(age).alias("silence"),
        age.alias("age"),
        ahead.alias("ahead"),
        *((pl.col(DAY).dt.weekday() == each).alias(f"weekday{each}") for each in WEEKDAYS),
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
            pl.col("recent").mean(),
            pl.col("last").max().alias("gap_last"),
            pl.col("reached").sum(),
            pl.col("silence").first(),
            pl.col("age").max(),
            pl.col("ahead").sum(),
            *(pl.col(f"weekday{each}").sum() for each in WEEKDAYS),
        )
    )
    return sums.join(median, on=CUSTOMER, how="left").select(CUSTOMER, *_columns())


def _columns() -> list[pl.Expr]:
    gaps, purchases = pl.col("gaps"), pl.col("gaps") + 1
    mean = pl.when(gaps > 0).then(pl.col("all") / gaps)
    squares = (pl.col("squared") * gaps - pl.col("all") ** 2).cast(pl.Float64)
    spread = pl.when(gaps > 1).then((squares / (gaps * (gaps - 1))).sqrt())
    return [
        pl.col("gap_median"),
        mean.alias("gap_mean"),
        spread.alias("gap_std"),
        (spread / mean).alias("gap_variation"),
        pl.col("gap_last"),
        (pl.col("recent") / mean).alias("gap_trend"),
        pl.when(gaps > 0).then(pl.col("reached") / gaps).alias("gap_rank"),
        (pl.col("silence") / pl.col("gap_median")).alias("overdue_ratio"),
        (pl.max_horizontal(f"weekday{each}" for each in WEEKDAYS) / purchases).alias("weekday_share"),
        pl.when(pl.col("age") >= YEAR).then(pl.col("ahead") / purchases).alias("season_share"),
    ]
