"""Complaints: how many, how many still open and for how long, what about, and how the others ended."""

from datetime import date, timedelta

import polars as pl

from features.families.feature import Feature
from features.frames.columns import CUSTOMER, DAY
from features.frames.modes import counted, most_common, named, vocabulary
from features.frames.purchases import SHARE_DECIMALS, total
from features.frames.sorted_runs import is_among_last
from features.norms import Norms, norm_of_row
from features.point_in_time import midnight

FAMILY = "complaints"
ABSENT = "there is no complaints table"
NONE = "no complaint, or there is no complaints table"
UNSETTLED = "no settled complaint, or there is no complaints table"
NO_TOPIC = "no complaint with a topic, or there is no complaints table"
WINDOWS = (90, 365)
FEATURES = (
    Feature("complaints", "complaints", "Complaints so far", ABSENT, count=True),
    *(Feature(f"complaints_{w}", "complaints", f"Complaints opened in the last {w} days", ABSENT, count=True) for w in WINDOWS),
    Feature("complaint_rate", "per purchase", "Complaints per day with a purchase", f"no purchase yet, or {ABSENT}"),
    *(
        Feature(
            f"complaint_rate_{w}",
            "per purchase",
            f"Complaints per day with a purchase, in the last {w} days",
            f"no purchase in them, or {ABSENT}",
        )
        for w in WINDOWS
    ),
    Feature("open_complaints", "complaints", "Complaints not resolved by the as-of date", ABSENT, count=True),
    Feature("open_complaint_days", "days", "Age of the oldest open complaint", f"no open complaint, or {ABSENT}"),
    Feature(
        "open_complaint_ratio",
        "ratio",
        "Age of an open complaint over the days the company usually takes to settle one of its topic; the highest",
        f"no open complaint, none was ever settled, or {ABSENT}",
    ),
    Feature("satisfied_complaints", "complaints", "Complaints settled to the customer's satisfaction", ABSENT, count=True),
    Feature(
        "unsatisfied_complaints", "complaints", "Complaints settled, but not to the customer's satisfaction", ABSENT, count=True
    ),
    Feature(
        "recovered_complaints",
        "complaints",
        "Complaints settled to the customer's satisfaction after which the customer bought again",
        ABSENT,
        count=True,
    ),
    Feature("last_complaint_days", "days", "Since the newest complaint was opened", NONE),
    Feature("resolution_days", "days", "Average time from opening to settling", UNSETTLED),
    Feature(
        "resolution_ratio",
        "ratio",
        "Days that settling took over those the company usually takes for the same topics; above 1 is slower",
        UNSETTLED,
    ),
    Feature("contacts_to_resolve", "contacts", "Average number of contacts that settling took", UNSETTLED),
    Feature("first_contact_share", "share", "Share of settled complaints that one contact settled", UNSETTLED),
    Feature("topics", "topics", "Different things complained of", ABSENT, count=True),
    Feature("repeated_topics", "complaints", "Complaints about something complained of before", ABSENT, count=True),
    Feature("main_topic", "name", "What the customer complained of most often", NO_TOPIC, model=False),
    Feature("main_topic_share", "share", "Share of that topic", NO_TOPIC),
    Feature("last_settled_days", "days", "Since the newest settled complaint was settled", UNSETTLED),
    Feature("last_settled_satisfied", "1 or 0", "Whether the newest settled complaint left the customer satisfied", UNSETTLED),
    Feature(
        "silent_decline",
        "share",
        "How far the last 90 days' spend lies below a quarter of the year's, where nothing was complained of in 365 days; else 0",
        f"no net spend in 365 days, or {ABSENT}",
    ),
)


def complaints(known: pl.LazyFrame, occasions: pl.LazyFrame, as_of: date, norms: Norms) -> list[pl.LazyFrame]:
    """Return frames of complaint counts, ages and outcomes per customer with a complaint known before `as_of`.

    `known` and `occasions` (in order) are those of a History. A complaint is open when it is not known to be resolved.
    Ages are whole days. A row that stands twice counts once. Ratios to a norm are rounded: Polars divides by one and the
    same number by way of its reciprocal, and whether it sees that it is one depends on how the rows arrive.
    """
    cases = _cases(known, norms)
    return [_counts(cases, as_of), _newest_settled(cases), _recovered(cases, occasions), _topics(cases)]


def complaint_rates() -> list[pl.Expr]:
    """Complaints per purchase, once customers without a complaint have their zeros."""
    pairs = [
        ("complaints", "orders", "complaint_rate"),
        *((f"complaints_{w}", f"orders_{w}", f"complaint_rate_{w}") for w in WINDOWS),
    ]
    return [pl.when(pl.col(orders) > 0).then(pl.col(cases) / pl.col(orders)).alias(name) for cases, orders, name in pairs]


def silent_decline() -> pl.Expr:
    """1 - spend_trend where that is above 0 and no complaint was opened in a year: most unhappy customers never complain."""
    fallen = (1 - pl.col("spend_trend")).clip(0, 1)
    return pl.when(pl.col("complaints_365").is_not_null()).then(fallen * (pl.col("complaints_365") == 0)).alias("silent_decline")


def _cases(known: pl.LazyFrame, norms: Norms) -> pl.LazyFrame:
    """One row per complaint, with `took` (days to settle) and `usual` (days it usually takes)."""
    columns = known.collect_schema().names()
    absent: dict[str, pl.DataType] = {
        "resolved_at": pl.Datetime("us"),
        "satisfied": pl.Boolean(),
        "contacts_to_resolve": pl.Int64(),
        "topic": pl.Enum([]),
    }
    usual = norm_of_row("topic", columns, norms.topic_resolution_days, norms.resolution_days)
    filled = [pl.lit(None, dtype).alias(name) for name, dtype in absent.items() if name not in columns]
    took = (pl.col("resolved_at") - pl.col("opened_at")).dt.total_days()
    return known.unique().with_columns(usual.alias("usual"), *filled).with_columns(took.alias("took"))


def _counts(cases: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    now, opened, settled = pl.lit(midnight(as_of)), pl.col("opened_at"), pl.col("resolved_at")
    is_open, needed, satisfied = settled.is_null(), pl.col("contacts_to_resolve"), pl.col("satisfied")
    age, timed = (now - opened).dt.total_days(), pl.col("took").is_not_null() & pl.col("usual").is_not_null()
    open_age, taken, usual = pl.when(is_open).then(age), pl.when(timed).then("took"), pl.when(timed).then("usual")
    ratio = taken.sum() / total(usual)
    return cases.group_by(CUSTOMER).agg(
        pl.len().cast(pl.Int64).alias("complaints"),
        *((opened >= midnight(as_of - timedelta(days=w))).sum().cast(pl.Int64).alias(f"complaints_{w}") for w in WINDOWS),
        is_open.sum().cast(pl.Int64).alias("open_complaints"),
        open_age.max().alias("open_complaint_days"),
        (open_age / pl.col("usual")).round(SHARE_DECIMALS).max().alias("open_complaint_ratio"),
        satisfied.fill_null(value=False).sum().cast(pl.Int64).alias("satisfied_complaints"),
        (~satisfied).fill_null(value=False).sum().cast(pl.Int64).alias("unsatisfied_complaints"),
        age.min().alias("last_complaint_days"),
        (now - settled.max()).dt.total_days().alias("last_settled_days"),
        pl.col("took").mean().alias("resolution_days"),
        pl.when(ratio.is_finite()).then(ratio).alias("resolution_ratio"),
        needed.mean().alias("contacts_to_resolve"),
        (needed == 1).mean().alias("first_contact_share"),
    )


def _newest_settled(cases: pl.LazyFrame) -> pl.LazyFrame:
    """Settled at the same moment: the one opened later, then the satisfied one."""
    settled = cases.drop_nulls("resolved_at").sort(CUSTOMER, "resolved_at", "opened_at", "satisfied")
    return settled.filter(is_among_last(1)).select(CUSTOMER, pl.col("satisfied").cast(pl.Int64).alias("last_settled_satisfied"))


def _recovered(cases: pl.LazyFrame, occasions: pl.LazyFrame) -> pl.LazyFrame:
    """A purchase on a later day than the settling tells that the customer came back."""
    last = occasions.filter(is_among_last(1)).select(CUSTOMER, pl.col(DAY).alias("last_day"))
    back = pl.col("satisfied") & (pl.col("last_day") > pl.col("resolved_at").dt.date())
    found = cases.join(last, on=CUSTOMER).group_by(CUSTOMER)
    return found.agg(back.fill_null(value=False).sum().cast(pl.Int64).alias("recovered_complaints"))


def _topics(cases: pl.LazyFrame) -> pl.LazyFrame:
    words = vocabulary(cases, "topic")
    found = (
        counted(cases, "topic")
        .group_by(CUSTOMER)
        .agg(
            pl.len().cast(pl.Int64).alias("topics"),
            (pl.col("uses") - 1).sum().alias("repeated_topics"),
            most_common("uses", "topic").alias("main_topic"),
            (pl.col("uses").max() / pl.col("uses").sum()).alias("main_topic_share"),
        )
    )
    return found.with_columns(named(pl.col("main_topic"), words))
