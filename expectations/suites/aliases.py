"""The rules and checks that only merged customers have."""

from collections.abc import Collection

from expectations.check import Check
from expectations.rows.rule import Rule
from settings.checks import TableChecks

KEYS: tuple[str, ...] = ()


def row_rules(columns: Collection[str], limits: TableChecks) -> list[Rule]:  # noqa: ARG001  # one signature for all suites
    """Return no rules: both ids are required, and two equal ones take a merger back."""
    return []


def table_checks(limits: TableChecks) -> list[Check]:  # noqa: ARG001  # one signature for all suites
    """Return no checks beyond the common ones."""
    return []
