"""Complaints: how many, how many are open and for how long, their topics, and how they were resolved."""

from datetime import date, timedelta

import polars as pl

from features.families.feature import Feature
from features.frames.columns import CUSTOMER, DAY
from features.frames.modes import count_uses, decode_words, most_common, vocabulary
from features.frames.purchases import SHARE_DECIMALS, total
from features.frames.sorted_runs import is_among_last
from features.norms import Norms, row_norm
from features.point_in_time import midnight

FAMILY = "complaints"
NO_TABLE = "there is no complaints table"
NO_COMPLAINT = f"no complaint, or {NO_TABLE}"
NO_RESOLVED_COMPLAINT = f"no resolved complaint, or {NO_TABLE}"
NO_TOPIC = f"no complaint with a topic, or {NO_TABLE}"
WINDOWS = (90, 365)
FEATURES = (
    Feature("complaints", "complaints", "Complaints so far", NO_TABLE, is_count=True),
    *(
        Feature(f"complaints_{days}", "complaints", f"Complaints opened in the last {days} days", NO_TABLE, is_count=True)
        for days in WINDOWS
    ),
    Feature("complaint_rate", "per purchase", "Complaints per day with a purchase", f"no purchase yet, or {NO_TABLE}"),
    *(
        Feature(
            f"complaint_rate_{days}",
            "per purchase",
            f"Complaints per day with a purchase, both in the last {days} days",
            f"no purchase in these days, or {NO_TABLE}",
        )
        for days in WINDOWS
    ),
    Feature("open_complaints", "complaints", "Complaints not resolved by the as-of date", NO_TABLE, is_count=True),
    Feature("open_complaint_days", "days", "Age of the oldest open complaint", f"no open complaint, or {NO_TABLE}"),
    Feature(
        "open_complaint_ratio",
        "ratio",
        "Age of an open complaint divided by the company's average days to resolve one of its topic; the highest",
        f"no open complaint, none was ever resolved, or {NO_TABLE}",
    ),
    Feature("satisfied_complaints", "complaints", "Complaints resolved to the customer's satisfaction", NO_TABLE, is_count=True),
    Feature(
        "unsatisfied_complaints",
        "complaints",
        "Complaints resolved, but not to the customer's satisfaction",
        NO_TABLE,
        is_count=True,
    ),
    Feature(
        "recovered_complaints",
        "complaints",
        "Complaints resolved to the customer's satisfaction and followed by a purchase",
        NO_TABLE,
        is_count=True,
    ),
    Feature("last_complaint_days", "days", "Days since the newest complaint was opened", NO_COMPLAINT),
    Feature("resolution_days", "days", "Average time from opening to resolution", NO_RESOLVED_COMPLAINT),
    Feature(
        "resolution_ratio",
        "ratio",
        "Days that resolution took, divided by the company's average for the same topics; above 1 is slower",
        NO_RESOLVED_COMPLAINT,
    ),
    Feature("contacts_to_resolve", "contacts", "Average number of contacts that resolution took", NO_RESOLVED_COMPLAINT),
    Feature("first_contact_share", "share", "Share of resolved complaints that one contact resolved", NO_RESOLVED_COMPLAINT),
    Feature("topics", "topics", "Distinct topics of the complaints", NO_TABLE, is_count=True),
    Feature(
        "repeated_topics",
        "complaints",
        "Complaints about a topic that the customer complained about before",
        NO_TABLE,
        is_count=True,
    ),
    Feature("main_topic", "name", "Most frequent topic of the complaints", NO_TOPIC, is_model_input=False),
    Feature("main_topic_share", "share", "Share of complaints with a topic that are about the main topic", NO_TOPIC),
    Feature("last_settled_days", "days", "Days since the latest resolution of a complaint", NO_RESOLVED_COMPLAINT),
    Feature(
        "last_settled_satisfied",
        "1 or 0",
        "Whether the latest resolution left the customer satisfied",
        NO_RESOLVED_COMPLAINT,
    ),
    Feature(
        "silent_decline",
        "share",
        "How far spend of the last 90 days is below a quarter of the year's, if there was no complaint in 365 days; else 0",
        f"no net spend in 365 days, or {NO_TABLE}",
    ),
)


def complaints(known: pl.LazyFrame, occasions: pl.LazyFrame, as_of: date, norms: Norms) -> list[pl.LazyFrame]:
    """Return frames of complaint counts, ages and outcomes per customer with a complaint known before `as_of`.

    `known` and `occasions` (sorted) are those of EncodedTables. A complaint is open when it is not known to be resolved. Ages
    are whole days. Duplicate rows count as one. Ratios to a norm are rounded: Polars may divide by a constant through its
    reciprocal, and whether it recognises a constant depends on how the rows arrive.
    """
    cases = _cases(known, norms)
    return [_counts(cases, as_of), _latest_resolved(cases), _recovered(cases, occasions), _topics(cases)]


def complaint_rates() -> list[pl.Expr]:
    """Return complaints per purchase, for counts that are zero for customers without a complaint."""
    columns = [
        ("complaints", "orders", "complaint_rate"),
        *((f"complaints_{days}", f"orders_{days}", f"complaint_rate_{days}") for days in WINDOWS),
    ]
    return [pl.when(pl.col(orders) > 0).then(pl.col(cases) / pl.col(orders)).alias(name) for cases, orders, name in columns]


def silent_decline() -> pl.Expr:
    """Return 1 - spend_trend, at least 0, if no complaint was opened in a year: most unhappy customers never complain."""
    decline = (1 - pl.col("spend_trend")).clip(0, 1)
    return pl.when(pl.col("complaints_365").is_not_null()).then(decline * (pl.col("complaints_365") == 0)).alias("silent_decline")


def _cases(known: pl.LazyFrame, norms: Norms) -> pl.LazyFrame:
    """Return one row per complaint, with `took` (days to resolve) and `norm` (average days for its topic)."""
    columns = known.collect_schema().names()
    optional: dict[str, pl.DataType] = {
        "resolved_at": pl.Datetime("us"),
        "satisfied": pl.Boolean(),
        "contacts_to_resolve": pl.Int64(),
        "topic": pl.Enum([]),
    }
    norm = row_norm("topic", columns, norms.topic_resolution_days, norms.resolution_days)
    absent = [pl.lit(None, dtype).alias(name) for name, dtype in optional.items() if name not in columns]
    took = (pl.col("resolved_at") - pl.col("opened_at")).dt.total_days()
    return known.unique().with_columns(norm.alias("norm"), *absent).with_columns(took.alias("took"))


def _counts(cases: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    now, opened, resolved = pl.lit(midnight(as_of)), pl.col("opened_at"), pl.col("resolved_at")
    is_open, contacts, satisfied = resolved.is_null(), pl.col("contacts_to_resolve"), pl.col("satisfied")
    age, is_comparable = (now - opened).dt.total_days(), pl.col("took").is_not_null() & pl.col("norm").is_not_null()
    open_age, took, norm = pl.when(is_open).then(age), pl.when(is_comparable).then("took"), pl.when(is_comparable).then("norm")
    ratio = took.sum() / total(norm)
    return cases.group_by(CUSTOMER).agg(
        pl.len().cast(pl.Int64).alias("complaints"),
        *((opened >= midnight(as_of - timedelta(days=w))).sum().cast(pl.Int64).alias(f"complaints_{w}") for w in WINDOWS),
        is_open.sum().cast(pl.Int64).alias("open_complaints"),
        open_age.max().alias("open_complaint_days"),
        (open_age / pl.col("norm")).round(SHARE_DECIMALS).max().alias("open_complaint_ratio"),
        satisfied.fill_null(value=False).sum().cast(pl.Int64).alias("satisfied_complaints"),
        (~satisfied).fill_null(value=False).sum().cast(pl.Int64).alias("unsatisfied_complaints"),
        age.min().alias("last_complaint_days"),
        (now - resolved.max()).dt.total_days().alias("last_settled_days"),
        pl.col("took").mean().alias("resolution_days"),
        pl.when(ratio.is_finite()).then(ratio).alias("resolution_ratio"),
        contacts.mean().alias("contacts_to_resolve"),
        (contacts == 1).mean().alias("first_contact_share"),
    )


def _latest_resolved(cases: pl.LazyFrame) -> pl.LazyFrame:
    """Return the outcome of the latest resolution; among equals the case opened last, then the satisfied one."""
    resolved = cases.drop_nulls("resolved_at").sort(CUSTOMER, "resolved_at", "opened_at", "satisfied")
    return resolved.filter(is_among_last(1)).select(CUSTOMER, pl.col("satisfied").cast(pl.Int64).alias("last_settled_satisfied"))


def _recovered(cases: pl.LazyFrame, occasions: pl.LazyFrame) -> pl.LazyFrame:
    """Count the satisfied complaints with a purchase on a later day than the resolution."""
    last = occasions.filter(is_among_last(1)).select(CUSTOMER, pl.col(DAY).alias("last_day"))
    recovered = pl.col("satisfied") & (pl.col("last_day") > pl.col("resolved_at").dt.date())
    by_customer = cases.join(last, on=CUSTOMER).group_by(CUSTOMER)
    return by_customer.agg(recovered.fill_null(value=False).sum().cast(pl.Int64).alias("recovered_complaints"))


def _topics(cases: pl.LazyFrame) -> pl.LazyFrame:
    words = vocabulary(cases, "topic")
    topics = (
        count_uses(cases, "topic")
        .group_by(CUSTOMER)
        .agg(
            pl.len().cast(pl.Int64).alias("topics"),
            (pl.col("uses") - 1).sum().alias("repeated_topics"),
            most_common("uses", "topic").alias("main_topic"),
            (pl.col("uses").max() / pl.col("uses").sum()).alias("main_topic_share"),
        )
    )
    return topics.with_columns(decode_words(pl.col("main_topic"), words))
