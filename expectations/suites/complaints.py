"""The rules and checks that only complaints have, and two checks shared with surveys and contacts."""

from collections.abc import Collection

import polars as pl

from expectations.check import Check
from expectations.rows.rule import Rule, false_if_null
from settings.checks import TableChecks

KEYS = ("complaint_id",)


def row_rules(columns: Collection[str], limits: TableChecks) -> list[Rule]:  # noqa: ARG001  # one signature for all suites
    """Return the rules for rows of complaints. They compare days, as many systems store no time of day."""
    if "resolved_at" not in columns:
        return []
    before = false_if_null(pl.col("resolved_at").dt.date() < pl.col("opened_at").dt.date())
    rules = [Rule("resolved_before_opened", "resolved_at is on a day before opened_at", before)]
    if "satisfied" in columns:
        early = false_if_null(pl.col("satisfied").is_not_null() & pl.col("resolved_at").is_null())
        rules.append(Rule("judged_while_open", "satisfied has a value although resolved_at is empty", early, severity="warn"))
    return rules


def table_checks(limits: TableChecks) -> list[Check]:
    """Return the checks of complaints as a whole."""
    return [unknown_customers_check("complaints", limits), days_behind_check(limits)]


def days_behind_check(limits: TableChecks) -> Check:
    """Return the check that the newest row is not much older than the newest order, as in a table that is no longer updated."""
    max_days = limits.max_days_behind
    return Check("days_behind", f"The newest row is at most {max_days} days older than the newest order", high=max_days)


def unknown_customers_check(rows_name: str, limits: TableChecks) -> Check:
    """Return the check that nearly all rows belong to customers who are in the orders or in the customers table."""
    max_share = limits.max_unknown_customers
    sentence = f"At most {max_share:.0%} of the {rows_name} have a customer who is in neither the orders nor the customers table"
    return Check("unknown_customers", sentence, high=max_share, is_share=True)
