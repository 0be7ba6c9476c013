"""What is expected of the customers table, on top of what every table owes."""

from collections.abc import Collection

import polars as pl

from expectations.check import Check
from expectations.rows.rule import Rule, never_null
from settings.checks import TableChecks

KEYS = ("customer_id",)


def rows(columns: Collection[str], limits: TableChecks) -> list[Rule]:  # noqa: ARG001  # one signature for all suites
    """Return the rules for rows that hold for customers alone."""
    if "referred_by" not in columns:
        return []
    own = never_null(pl.col("referred_by") == pl.col("customer_id"))
    return [Rule("referred_by_self", "referred_by names the customer itself", own, severity="warn")]


def whole(limits: TableChecks) -> list[Check]:  # noqa: ARG001  # one signature for all suites
    """Return the checks of the whole table that only customers have: none, people may be known before they buy."""
    return []
