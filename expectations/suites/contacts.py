"""The rules and checks that only contacts have."""

from collections.abc import Collection

import polars as pl

from expectations.check import Check
from expectations.rows.rule import Rule, false_if_null
from expectations.suites.complaints import days_behind_check, unknown_customers_check
from settings.checks import TableChecks

KEYS = ("campaign_id", "customer_id", "contacted_at")


def row_rules(columns: Collection[str], limits: TableChecks) -> list[Rule]:  # noqa: ARG001  # one signature for all suites
    """Return the rules for rows of contacts."""
    if "responded_at" not in columns:
        return []
    before = false_if_null(pl.col("responded_at").dt.date() < pl.col("contacted_at").dt.date())
    return [Rule("responded_before_contacted", "responded_at is on a day before contacted_at", before)]


def table_checks(limits: TableChecks) -> list[Check]:
    """Return the checks of contacts as a whole."""
    return [unknown_customers_check("contacts", limits), days_behind_check(limits)]
