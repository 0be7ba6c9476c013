"""What is expected of contacts, on top of what every table owes."""

from collections.abc import Collection

import polars as pl

from expectations.check import Check
from expectations.rows.rule import Rule, never_null
from expectations.suites.complaints import keeping_up, of_known_customers
from settings.checks import TableChecks

KEYS = ("campaign_id", "customer_id", "contacted_at")


def rows(columns: Collection[str], limits: TableChecks) -> list[Rule]:  # noqa: ARG001  # one signature for all suites
    """Return the rules for rows that hold for contacts alone."""
    if "responded_at" not in columns:
        return []
    before = never_null(pl.col("responded_at").dt.date() < pl.col("contacted_at").dt.date())
    return [Rule("responded_before_contacted", "responded_at is a day before contacted_at", before)]


def whole(limits: TableChecks) -> list[Check]:
    """Return the checks of the whole table that only contacts have."""
    return [of_known_customers("contacts", limits), keeping_up(limits)]
