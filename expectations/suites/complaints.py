"""What is expected of complaints, on top of what every table owes."""

from collections.abc import Collection

import polars as pl

from expectations.check import Check
from expectations.rows.rule import Rule, never_null
from settings.checks import TableChecks

KEYS = ("complaint_id",)


def rows(columns: Collection[str], limits: TableChecks) -> list[Rule]:  # noqa: ARG001  # one signature for all suites
    """Return the rules for rows that hold for complaints alone. Days are compared: many systems keep only those."""
    if "resolved_at" not in columns:
        return []
    before = never_null(pl.col("resolved_at").dt.date() < pl.col("opened_at").dt.date())
    rules = [Rule("resolved_before_opened", "resolved_at is a day before opened_at", before)]
    if "satisfied" in columns:
        early = never_null(pl.col("satisfied").is_not_null() & pl.col("resolved_at").is_null())
        rules.append(Rule("judged_while_open", "satisfied is told although resolved_at is empty", early, severity="warn"))
    return rules


def whole(limits: TableChecks) -> list[Check]:
    """Return the checks of the whole table that only complaints have."""
    return [of_known_customers("complaints", limits), keeping_up(limits)]


def keeping_up(limits: TableChecks) -> Check:
    """Expect that the newest row is not much older than the newest order: else the table stopped coming."""
    most = limits.max_days_behind
    return Check("days_behind", f"The newest row is at most {most} days older than the newest order", high=most)


def of_known_customers(name: str, limits: TableChecks) -> Check:
    """Expect that nearly all rows are of customers whom the orders or the customers table know."""
    most = limits.max_unknown_customers
    return Check(
        "unknown_customers", f"At most {most:.0%} of the {name} are of customers without an order", high=most, is_share=True
    )
