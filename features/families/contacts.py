"""How often the company contacted the customer, and what came of it. Held-out rows are no contacts."""

from datetime import date, timedelta

import polars as pl

from features.families.feature import Feature
from features.frames.columns import CUSTOMER, DAY
from features.frames.purchases import total
from features.frames.sorted_runs import is_first_row
from features.labels import reached
from features.point_in_time import midnight

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
    Feature("best_action", "name", "Action with the highest response rate", "no contact with an action", model=False),
    Feature("best_action_rate", "share", "Response rate of that action", "no contact with an action"),
)


def contacts(known: pl.LazyFrame, days: pl.LazyFrame, as_of: date) -> list[pl.LazyFrame]:
    """Return frames of contact counts and responses per customer contacted before `as_of`.

    `known` are the contacts of a History as they were known; `days`, in order, the customer days before `as_of`. A row
    with `treated` false was held out and is no contact. Spend after a contact counts from its day on, over at most 30
    days and up to as_of.
    """
    columns = known.collect_schema().names()
    answered = pl.col("responded_at").is_not_null() if "responded_at" in columns else pl.lit(value=False)
    rows = reached(known).with_columns(answered.alias("answered"))
    best = [_best(rows, column) for column in ("channel", "action") if column in columns]
    return [_counts(rows, as_of), _spend_after(rows, days), *best]


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
    """From what was spent in all before a contact and before the end of its 30 days."""
    so_far = days.select(CUSTOMER, pl.col(DAY).alias("spent_on"), pl.col("spend").cum_sum().over(CUSTOMER).alias("so_far"))
    touched = rows.select(CUSTOMER, pl.col("contacted_at").dt.date().alias("from")).sort(CUSTOMER, "from")
    after = touched.with_columns((pl.col("from") + pl.duration(days=AFTER_DAYS)).alias("to"))
    spent = pl.col("at_to").fill_null(0.0) - pl.col("at_from").fill_null(0.0)
    both = _spent_before(_spent_before(after, so_far, "from"), so_far, "to").group_by(CUSTOMER)
    return both.agg((total(spent) / pl.len()).alias("spend_after_contact"))


def _spent_before(rows: pl.LazyFrame, so_far: pl.LazyFrame, moment: str) -> pl.LazyFrame:
    found = rows.join_asof(
        so_far, left_on=moment, right_on="spent_on", by=CUSTOMER, allow_exact_matches=False, check_sortedness=False
    )
    return found.rename({"so_far": f"at_{moment}"}).drop("spent_on", strict=False)


def _best(rows: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Ties go to the one used more often, then by name."""
    uses = rows.drop_nulls(column).group_by(CUSTOMER, column)
    rates = uses.agg(pl.col("answered").mean().alias("rate"), pl.len().alias("uses"))
    first = rates.sort(CUSTOMER, "rate", "uses", column, descending=[False, True, True, False]).filter(is_first_row())
    return first.select(
        CUSTOMER, pl.col(column).cast(pl.String).alias(f"best_{column}"), pl.col("rate").alias(f"best_{column}_rate")
    )
