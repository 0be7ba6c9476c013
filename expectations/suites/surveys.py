"""What is expected of survey answers, on top of what every table owes."""

from collections.abc import Collection

from expectations.check import Check
from expectations.rows.rule import Rule
from expectations.suites.complaints import keeping_up, of_known_customers
from settings.checks import TableChecks

KEYS: tuple[str, ...] = ()


def rows(columns: Collection[str], limits: TableChecks) -> list[Rule]:  # noqa: ARG001  # one signature for all suites
    """Return the rules for rows that hold for surveys alone: none, their scales are part of the schema."""
    return []


def whole(limits: TableChecks) -> list[Check]:
    """Return the checks of the whole table that only surveys have."""
    return [of_known_customers("survey answers", limits), keeping_up(limits)]
