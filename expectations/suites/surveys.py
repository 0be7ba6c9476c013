"""The rules and checks that only survey answers have."""

from collections.abc import Collection

from expectations.check import Check
from expectations.rows.rule import Rule
from expectations.suites.complaints import days_behind_check, unknown_customers_check
from settings.checks import TableChecks

KEYS: tuple[str, ...] = ()


def row_rules(columns: Collection[str], limits: TableChecks) -> list[Rule]:  # noqa: ARG001  # one signature for all suites
    """Return no rules: the scales of ratings are part of the schema."""
    return []


def table_checks(limits: TableChecks) -> list[Check]:
    """Return the checks of survey answers as a whole."""
    return [unknown_customers_check("survey answers", limits), days_behind_check(limits)]
