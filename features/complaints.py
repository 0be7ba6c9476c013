"""Complaints: how many, how many still open and for how long, and how the others ended."""

from datetime import date

import polars as pl

from features.feature import Feature
from features.known import midnight
from features.purchases import CUSTOMER

FAMILY = "complaints"
ABSENT = "there is no complaints table"
NONE = "no complaint, or there is no complaints table"
FEATURES = (
    Feature("complaints", "complaints", "Complaints so far", ABSENT),
    Feature("complaints_365", "complaints", "Complaints opened in the last 365 days", ABSENT),
    Feature("open_complaints", "complaints", "Complaints not resolved by the as-of date", ABSENT),
    Feature("satisfied_complaints", "complaints", "Complaints settled to the customer's satisfaction", ABSENT),
    Feature("unsatisfied_complaints", "complaints", "Complaints settled, but not to the customer's satisfaction", ABSENT),
    Feature(
        "open_complaint_days", "days", "Age of the oldest open complaint", "no open complaint, or there is no complaints table"
    ),
    Feature("last_complaint_days", "days", "Since the newest complaint was opened", NONE),
    Feature(
        "last_complaint_satisfied", "1 or 0", "Whether the newest resolved complaint ended to the customer's satisfaction", NONE
    ),
)
YEAR = 365
COUNTS = tuple(feature.name for feature in FEATURES[:5])


def complaints(known: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    """Return complaint counts and ages per customer with a complaint known before `as_of`.

    A complaint is open when it is not known to be resolved. Ages are whole days since it was opened.
    """
    columns = known.collect_schema().names()
    resolved = pl.col("resolved_at") if "resolved_at" in columns else pl.lit(None, pl.Datetime("us"))
    satisfied = pl.col("satisfied") if "satisfied" in columns else pl.lit(None, pl.Boolean)
    age = (pl.lit(midnight(as_of)) - pl.col("opened_at")).dt.total_days()
    cases = known.select(CUSTOMER, resolved.alias("resolved_at"), satisfied.alias("satisfied"), age.alias("age"))
    is_open = pl.col("resolved_at").is_null()
    judged = pl.col("satisfied").sort_by("resolved_at", "age", descending=[False, True]).drop_nulls()
    return cases.group_by(CUSTOMER).agg(
        pl.len().cast(pl.Int64).alias("complaints"),
        (pl.col("age") < YEAR).sum().cast(pl.Int64).alias("complaints_365"),
        is_open.sum().cast(pl.Int64).alias("open_complaints"),
        pl.col("satisfied").fill_null(value=False).sum().cast(pl.Int64).alias("satisfied_complaints"),
        (~pl.col("satisfied")).fill_null(value=False).sum().cast(pl.Int64).alias("unsatisfied_complaints"),
        pl.col("age").filter(is_open).max().alias("open_complaint_days"),
        pl.col("age").min().alias("last_complaint_days"),
        judged.last().cast(pl.Int64).alias("last_complaint_satisfied"),
    )
