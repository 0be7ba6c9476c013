"""The rules and checks that only the customers table has."""

from collections.abc import Collection

import polars as pl

from expectations.check import Check
from expectations.rows.rule import Rule, false_if_null
from settings.checks import TableChecks

KEYS = ("customer_id",)


def row_rules(columns: Collection[str], limits: TableChecks) -> list[Rule]:  # noqa: ARG001  # one signature for all suites
    """Return the rules for rows of customers."""
    if "referred_by" not in columns:
        return []
    refers_to_itself = false_if_null(pl.col("referred_by") == pl.col("customer_id"))
    return [Rule("referred_by_self", "referred_by is the customer's own id", refers_to_itself, severity="warn")]


def table_checks(limits: TableChecks) -> list[Check]:  # noqa: ARG001  # one signature for all suites
    """Return no checks: a customer may be in the table long before the first order."""
    return []
