"""The rules and checks that only exchange rates have."""

from collections.abc import Collection

import polars as pl

from expectations.check import Check
from expectations.rows.rule import Rule, false_if_null
from settings.checks import TableChecks

KEYS: tuple[str, ...] = ("currency", "rated_at")


def row_rules(columns: Collection[str], limits: TableChecks) -> list[Rule]:  # noqa: ARG001  # one signature for all suites
    """Return the rules for exchange rates."""
    return [Rule("no_rate", "the rate is not above 0", false_if_null(pl.col("rate") <= 0), mandatory=True)]


def table_checks(limits: TableChecks) -> list[Check]:  # noqa: ARG001  # one signature for all suites
    """Return no checks beyond the common ones."""
    return []
