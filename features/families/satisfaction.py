"""Survey answers of the customer: ratings over time, against expectations, and by dimension."""

from datetime import date

import polars as pl

from features.families.feature import Feature
from features.frames.columns import CUSTOMER
from features.frames.purchases import SHARE_DECIMALS
from features.point_in_time import midnight

FAMILY = "satisfaction"
NO_TABLE = "there is no surveys table"
NO_ANSWER = f"no survey answered yet, or {NO_TABLE}"
DIMENSIONS = ("reliability", "assurance", "tangibles", "empathy", "responsiveness")
COMPLETELY_SATISFIED, MERELY_SATISFIED = 5, 4
FEATURES = (
    Feature("surveys", "answers", "Survey answers so far", NO_TABLE, is_count=True),
    Feature("last_survey_days", "days", "Days since the latest answer", NO_ANSWER),
    Feature("last_rating", "1 to 5", "Latest rating; the mean of several with the same time", NO_ANSWER),
    Feature("mean_rating", "1 to 5", "Average of all ratings", NO_ANSWER),
    Feature(
        "rating_change", "points", "Latest rating minus the average of the earlier ones", "no answers at two different times"
    ),
    Feature("completely_satisfied_share", "share", "Share of ratings of 5: such customers tend to return unprompted", NO_ANSWER),
    Feature("merely_satisfied_share", "share", "Share of ratings of 4: satisfied, but not loyal", NO_ANSWER),
    Feature(
        "expectation_gap",
        "points",
        "Average of rating minus expectation; below 0 is disappointment",
        "no answer with an expectation",
    ),
    *(
        Feature(f"rating_{dimension}", "1 to 5", f"Average rating of {dimension}", f"no answer about {dimension}")
        for dimension in DIMENSIONS
    ),
)


def satisfaction(known: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    """Return ratings per customer with a survey answer known before `as_of`."""
    columns = known.collect_schema().names()
    rating, answered_at = pl.col("rating"), pl.col("answered_at")
    latest = answered_at == answered_at.max()
    by_dimension = [_dimension_rating(dimension, columns) for dimension in DIMENSIONS]
    gap = _mean(rating - pl.col("expectation")) if "expectation" in columns else pl.lit(None, pl.Float64)
    return known.group_by(CUSTOMER).agg(
        pl.len().cast(pl.Int64).alias("surveys"),
        (pl.lit(midnight(as_of)) - answered_at.max()).dt.total_days().alias("last_survey_days"),
        _mean(rating.filter(latest)).alias("last_rating"),
        _mean(rating).alias("mean_rating"),
        (_mean(rating.filter(latest)) - _mean(rating.filter(~latest))).alias("rating_change"),
        (rating == COMPLETELY_SATISFIED).mean().alias("completely_satisfied_share"),
        (rating == MERELY_SATISFIED).mean().alias("merely_satisfied_share"),
        gap.alias("expectation_gap"),
        *by_dimension,
    )


def _mean(points: pl.Expr) -> pl.Expr:
    """Return the mean, rounded so that it does not depend on the order of rows."""
    return points.mean().round(SHARE_DECIMALS)


def _dimension_rating(dimension: str, columns: list[str]) -> pl.Expr:
    own = pl.col("rating").filter(pl.col("dimension") == dimension)
    rating = _mean(own) if "dimension" in columns else pl.lit(None, pl.Float64)
    return rating.alias(f"rating_{dimension}")
