"""What the customer answered in surveys: how satisfied, compared with what was expected, and with what."""

from datetime import date

import polars as pl

from features.families.feature import Feature
from features.frames.columns import CUSTOMER
from features.frames.purchases import SHARE_DECIMALS
from features.point_in_time import midnight

FAMILY = "satisfaction"
ABSENT = "there is no surveys table"
NONE = "no survey answered yet, or there is no surveys table"
DIMENSIONS = ("reliability", "assurance", "tangibles", "empathy", "responsiveness")
COMPLETELY, MERELY = 5, 4
FEATURES = (
    Feature("surveys", "answers", "Survey answers so far", ABSENT, count=True),
    Feature("last_survey_days", "days", "Since the newest answer", NONE),
    Feature("last_rating", "1 to 5", "Newest rating; the mean of several given at once", NONE),
    Feature("mean_rating", "1 to 5", "Average of all ratings", NONE),
    Feature(
        "rating_change", "points", "Newest rating less the average of those before it", "fewer than two moments of answering"
    ),
    Feature("completely_satisfied_share", "share", "Share of ratings of 5: these customers come back of themselves", NONE),
    Feature("merely_satisfied_share", "share", "Share of ratings of 4: satisfied, yet free to leave", NONE),
    Feature(
        "expectation_gap",
        "points",
        "Average of rating less expectation; below 0 is disappointment",
        "no answer with an expectation",
    ),
    *(Feature(f"rating_{each}", "1 to 5", f"Average rating of {each}", f"no answer about {each}") for each in DIMENSIONS),
)


def satisfaction(known: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    """Return ratings per customer with a survey answered, and known, before `as_of`."""
    columns = known.collect_schema().names()
    rating, when = pl.col("rating"), pl.col("answered_at")
    newest = when == when.max()
    about = [_about(each, "dimension" in columns) for each in DIMENSIONS]
    gap = _mean(rating - pl.col("expectation")) if "expectation" in columns else pl.lit(None, pl.Float64)
    return known.group_by(CUSTOMER).agg(
        pl.len().cast(pl.Int64).alias("surveys"),
        (pl.lit(midnight(as_of)) - when.max()).dt.total_days().alias("last_survey_days"),
        _mean(rating.filter(newest)).alias("last_rating"),
        _mean(rating).alias("mean_rating"),
        (_mean(rating.filter(newest)) - _mean(rating.filter(~newest))).alias("rating_change"),
        (rating == COMPLETELY).mean().alias("completely_satisfied_share"),
        (rating == MERELY).mean().alias("merely_satisfied_share"),
        gap.alias("expectation_gap"),
        *about,
    )


def _mean(points: pl.Expr) -> pl.Expr:
    """Rounded, so that the order of rows leaves no trace."""
    return points.mean().round(SHARE_DECIMALS)


def _about(dimension: str, told: bool) -> pl.Expr:  # noqa: FBT001  # one caller, a few lines above
    name = f"rating_{dimension}"
    return (
        _mean(pl.col("rating").filter(pl.col("dimension") == dimension)).alias(name)
        if told
        else pl.lit(None, pl.Float64).alias(name)
    )
