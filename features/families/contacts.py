"""How often the company contacted the customer, and the responses. Held-out rows are not contacts."""

from datetime import date, timedelta

import polars as pl

from features.families.feature import Feature
from features.frames.columns import CUSTOMER, DAY
from features.frames.purchases import total
from features.frames.sorted_runs import is_first_row
from features.labels import made_contacts
from features.point_in_time import midnight

FAMILY = "contacts"
NO_TABLE = "there is no contacts table"
NO_CONTACT = f"not contacted yet, or {NO_TABLE}"
FOLLOW_UP_DAYS = 30
QUARTER, YEAR = timedelta(days=90), timedelta(days=365)
FEATURES = (
    Feature("contacts", "contacts", "Contacts so far", NO_TABLE, is_count=True),
    Feature("contacts_90", "contacts", "Contacts in the last 90 days", NO_TABLE, is_count=True),
    Feature("contacts_365", "contacts", "Contacts in the last 365 days", NO_TABLE, is_count=True),
    Feature("last_contact_days", "days", "Days since the latest contact", NO_CONTACT),
    Feature("response_rate", "share", "Share of contacts with a response known by the as-of date", NO_CONTACT),
    Feature("unanswered_contacts", "contacts", "Contacts since the last one with a response: a sign of fatigue", NO_CONTACT),
    Feature(
        "spend_after_contact",
        "currency",
        f"Average net spend in the {FOLLOW_UP_DAYS} days from the day of a contact",
        NO_CONTACT,
    ),
    Feature("best_channel", "name", "Channel with the highest response rate", "no contact with a channel", is_model_input=False),
    Feature("best_channel_rate", "share", "Response rate of the best channel", "no contact with a channel"),
    Feature("best_action", "name", "Action with the highest response rate", "no contact with an action", is_model_input=False),
    Feature("best_action_rate", "share", "Response rate of the best action", "no contact with an action"),
)


def contacts(known: pl.LazyFrame, days: pl.LazyFrame, as_of: date) -> list[pl.LazyFrame]:
    """Return frames of contact counts and responses per customer contacted before `as_of`.

    `known` are the contacts of EncodedTables as they were known; `days` are the sorted customer days before `as_of`. A row with
    `treated` false was held out and is not a contact. Spend after a contact counts from its day on, over at most 30 days and up
    to `as_of`.
    """
    columns = known.collect_schema().names()
    answered = pl.col("responded_at").is_not_null() if "responded_at" in columns else pl.lit(value=False)
    rows = made_contacts(known).with_columns(answered.alias("answered"))
    best = [_best(rows, column) for column in ("channel", "action") if column in columns]
    return [_counts(rows, as_of), _spend_after(rows, days), *best]


def _counts(rows: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    contacted_at, answered = pl.col("contacted_at"), pl.col("answered")
    last_answered = contacted_at.filter(answered).max()
    return rows.group_by(CUSTOMER).agg(
        pl.len().cast(pl.Int64).alias("contacts"),
        (contacted_at >= midnight(as_of - QUARTER)).sum().cast(pl.Int64).alias("contacts_90"),
        (contacted_at >= midnight(as_of - YEAR)).sum().cast(pl.Int64).alias("contacts_365"),
        (pl.lit(midnight(as_of)) - contacted_at.max()).dt.total_days().alias("last_contact_days"),
        answered.mean().alias("response_rate"),
        (last_answered.is_null() | (contacted_at > last_answered)).sum().cast(pl.Int64).alias("unanswered_contacts"),
    )


def _spend_after(rows: pl.LazyFrame, days: pl.LazyFrame) -> pl.LazyFrame:
    """Return spend after a contact: cumulative spend before the end of its 30 days, minus that before its day."""
    cumulative = pl.col("spend").cum_sum().over(CUSTOMER)
    so_far = days.select(CUSTOMER, pl.col(DAY).alias("spent_on"), cumulative.alias("so_far"))
    starts = rows.select(CUSTOMER, pl.col("contacted_at").dt.date().alias("from")).sort(CUSTOMER, "from")
    periods = starts.with_columns((pl.col("from") + pl.duration(days=FOLLOW_UP_DAYS)).alias("to"))
    spend = pl.col("at_to").fill_null(0.0) - pl.col("at_from").fill_null(0.0)
    joined = _spent_before(_spent_before(periods, so_far, "from"), so_far, "to").group_by(CUSTOMER)
    return joined.agg((total(spend) / pl.len()).alias("spend_after_contact"))


def _spent_before(rows: pl.LazyFrame, so_far: pl.LazyFrame, day_column: str) -> pl.LazyFrame:
    joined = rows.join_asof(
        so_far, left_on=day_column, right_on="spent_on", by=CUSTOMER, allow_exact_matches=False, check_sortedness=False
    )
    return joined.rename({"so_far": f"at_{day_column}"}).drop("spent_on", strict=False)


def _best(rows: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Return the word of `column` with the highest response rate; among equals the most used, then the first by name."""
    uses = rows.drop_nulls(column).group_by(CUSTOMER, column)
    rates = uses.agg(pl.col("answered").mean().alias("rate"), pl.len().alias("uses"))
    best = rates.sort(CUSTOMER, "rate", "uses", column, descending=[False, True, True, False]).filter(is_first_row())
    return best.select(
        CUSTOMER, pl.col(column).cast(pl.String).alias(f"best_{column}"), pl.col("rate").alias(f"best_{column}_rate")
    )
