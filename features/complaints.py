"""Complaints: how many, how many still open and for how long, and how the others ended."""

from datetime import date, timedelta

import polars as pl

from features.feature import Feature
from features.known import midnight
from features.purchases import CUSTOMER

FAMILY = "complaints"
ABSENT = "there is no complaints table"
UNSETTLED = "no settled complaint, or there is no complaints table"
FEATURES = (
    Feature("complaints", "complaints", "Complaints so far", ABSENT, count=True),
    Feature("complaints_365", "complaints", "Complaints opened in the last 365 days", ABSENT, count=True),
    Feature("open_complaints", "complaints", "Complaints not resolved by the as-of date", ABSENT, count=True),
    Feature("satisfied_complaints", "complaints", "Complaints settled to the customer's satisfaction", ABSENT, count=True),
    Feature(
        "unsatisfied_complaints", "complaints", "Complaints settled, but not to the customer's satisfaction", ABSENT, count=True
    ),
    Feature(
        "open_complaint_days", "days", "Age of the oldest open complaint", "no open complaint, or there is no complaints table"
    ),
    Feature(
        "last_complaint_days", "days", "Since the newest complaint was opened", "no complaint, or there is no complaints table"
    ),
    Feature("resolution_days", "days", "Average time from opening to settling", UNSETTLED),
    Feature("contacts_to_resolve", "contacts", "Average number of contacts that settling took", UNSETTLED),
    Feature("first_contact_share", "share", "Share of settled complaints that one contact settled", UNSETTLED),
    Feature("repeated_topics", "complaints", "Complaints about something complained of before", ABSENT, count=True),
    Feature("last_settled_days", "days", "Since the newest settled complaint was settled", UNSETTLED),
    Feature("last_settled_satisfied", "1 or 0", "Whether the newest settled complaint left the customer satisfied", UNSETTLED),
)
YEAR = timedelta(days=365)


def complaints(known: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    """Return complaint counts and ages per customer with a complaint known before `as_of`.

    A complaint is open when it is not known to be resolved. Ages are whole days. A row that stands twice
    counts once.
    """
    now = pl.lit(midnight(as_of))
    needed = pl.col("contacts_to_resolve")
    is_open, settled = pl.col("resolved_at").is_null(), pl.col("resolved_at").is_not_null()
    newest = (
        pl.col("satisfied")
        .filter(settled)
        .sort_by(pl.col("resolved_at").filter(settled), pl.col("opened_at").filter(settled), pl.col("satisfied").filter(settled))
    )
    return (
        _cases(known)
        .group_by(CUSTOMER)
        .agg(
            pl.len().cast(pl.Int64).alias("complaints"),
            (pl.col("opened_at") >= midnight(as_of - YEAR)).sum().cast(pl.Int64).alias("complaints_365"),
            is_open.sum().cast(pl.Int64).alias("open_complaints"),
            pl.col("satisfied").fill_null(value=False).sum().cast(pl.Int64).alias("satisfied_complaints"),
            (~pl.col("satisfied")).fill_null(value=False).sum().cast(pl.Int64).alias("unsatisfied_complaints"),
            (now - pl.col("opened_at").filter(is_open).min()).dt.total_days().alias("open_complaint_days"),
            (now - pl.col("opened_at").max()).dt.total_days().alias("last_complaint_days"),
            (now - pl.col("resolved_at").max()).dt.total_days().alias("last_settled_days"),
            (pl.col("resolved_at") - pl.col("opened_at")).dt.total_days().mean().alias("resolution_days"),
            needed.mean().alias("contacts_to_resolve"),
            (needed == 1).mean().alias("first_contact_share"),
            (pl.col("topic").count() - pl.col("topic").drop_nulls().n_unique()).cast(pl.Int64).alias("repeated_topics"),
            newest.last().cast(pl.Int64).alias("last_settled_satisfied"),
        )
    )


def _cases(known: pl.LazyFrame) -> pl.LazyFrame:
    columns = known.collect_schema().names()
    absent: dict[str, pl.DataType] = {
        "resolved_at": pl.Datetime("us"),
        "satisfied": pl.Boolean(),
        "contacts_to_resolve": pl.Int64(),
        "topic": pl.String(),
    }
    return known.unique().with_columns(pl.lit(None, dtype).alias(name) for name, dtype in absent.items() if name not in columns)
