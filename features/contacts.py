"""How often the company contacted the customer, and what came of it. Held-out rows are no contacts."""

from datetime import date, timedelta

import polars as pl

from features.feature import Feature
from features.known import midnight
from features.purchases import CUSTOMER, DAY, total

FAMILY = "contacts"
ABSENT = "there is no contacts table"
NONE = "not contacted yet, or there is no contacts table"
AFTER_DAYS = 30
QUARTER, YEAR = timedelta(days=90), timedelta(days=365)
FEATURES = (
    Feature("contacts", "contacts", "Contacts so far", ABSENT, count=True),
    Feature("contacts_90", "contacts", "Contacts in the last 90 days", ABSENT, count=True),
    Feature("contacts_365", "contacts", "Contacts in the last 365 days", ABSENT, count=True),
    Feature("last_contact_days", "days", "Since the newest contact", NONE),
    Feature("response_rate", "share", "Share of contacts with a response known by now", NONE),
    Feature("unanswered_contacts", "contacts", "Contacts since the last one with a response: fatigue", NONE),
    Feature("spend_after_contact", "currency", f"Net spend in the {AFTER_DAYS} days from a contact on, on average", NONE),
    Feature("best_channel", "name", "Channel with the highest response rate", "no contact with a channel", model=False),
    Feature("best_channel_rate", "share", "Response rate of that channel", "no contact with a channel"),
)


def contacts(known: pl.LazyFrame, days: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    """Return contact counts and responses per customer contacted before `as_of`.

    `known` are rows of contacts as they were known; `days` the customer days before `as_of`. A row with `treated` false
    was held out and is no contact. Spend after a contact counts from its day on, over at most 30 days and up to as_of.
    """
    columns = known.collect_schema().names()
    reached = known if "treated" not in columns else known.filter(pl.col("treated").fill_null(value=True))
    rows = reached.select(
        CUSTOMER,
        "contacted_at",
        pl.col("responded_at").is_not_null().alias("answered")
        if "responded_at" in columns
        else pl.lit(value=False).alias("answered"),
        pl.col("channel") if "channel" in columns else pl.lit(None, pl.String).alias("channel"),
    )
    return (
        _counts(rows, as_of)
        .join(_spend_after(rows, days), on=CUSTOMER, how="left")
        .join(_best_channel(rows), on=CUSTOMER, how="left")
    )


def _counts(rows: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    when, answered = pl.col("contacted_at"), pl.col("answered")
    last_answered = when.filter(answered).max()
    return rows.group_by(CUSTOMER).agg(
        pl.len().cast(pl.Int64).alias("contacts"),
        (when >= midnight(as_of - QUARTER)).sum().cast(pl.Int64).alias("contacts_90"),
        (when >= midnight(as_of - YEAR)).sum().cast(pl.Int64).alias("contacts_365"),
        (pl.lit(midnight(as_of)) - when.max()).dt.total_days().alias("last_contact_days"),
        answered.mean().alias("response_rate"),
        (last_answered.is_null() | (when > last_answered)).sum().cast(pl.Int64).alias("unanswered_contacts"),
    )


def _spend_after(rows: pl.LazyFrame, days: pl.LazyFrame) -> pl.LazyFrame:
    touched = rows.select(CUSTOMER, pl.col("contacted_at").dt.date().alias("from"))
    pairs = touched.join(days.select(CUSTOMER, DAY, "spend"), on=CUSTOMER, how="left")
    inside = pl.col(DAY).is_between(pl.col("from"), pl.col("from") + pl.duration(days=AFTER_DAYS), closed="left")
    sums = pairs.group_by(CUSTOMER).agg(total(pl.col("spend").filter(inside)).alias("after"))
    counts = touched.group_by(CUSTOMER).agg(pl.len().alias("touches"))
    return sums.join(counts, on=CUSTOMER).select(CUSTOMER, (pl.col("after") / pl.col("touches")).alias("spend_after_contact"))


def _best_channel(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Ties go to the channel used more often, then by name."""
    rates = (
        rows.drop_nulls("channel")
        .group_by(CUSTOMER, "channel")
        .agg(pl.col("answered").mean().alias("rate"), pl.len().alias("uses"))
    )
    first = {"best_channel": "channel", "best_channel_rate": "rate"}
    order = ("rate", "uses", "channel")
    best = [pl.col(column).sort_by(*order, descending=[True, True, False]).first().alias(name) for name, column in first.items()]
    return rates.group_by(CUSTOMER).agg(best)
