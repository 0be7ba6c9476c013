"""What is expected of every table: rows, usability, and no row set aside."""

import great_expectations.expectations as gxe
from great_expectations.expectations.metadata_types import FailureSeverity

from expectations.rules import Rule

WARNING = FailureSeverity.WARNING
CRITICAL = FailureSeverity.CRITICAL
READ = "rows read"
USED = "rows used"
UNUSABLE = "reasons that make the table unusable"


def set_aside(rule_name: str) -> str:
    """Return the name that a rule's count has in the profile."""
    return f"rows set aside: {rule_name}"


def expect_any_table(rules: list[Rule]) -> list[gxe.Expectation]:
    """Return the expectations that every table shares, over the one-row profile of its counts."""
    return [
        none(UNUSABLE, CRITICAL, "The table can be used: its columns are there, and of the right type"),
        some(READ, "The source has rows"),
        some(USED, "At least one row is good"),
        *(none(set_aside(rule.name), WARNING, f"No row is set aside because {rule.sentence}") for rule in rules),
    ]


def none(count: str, severity: FailureSeverity, said: str) -> gxe.Expectation:
    """Expect a count of zero."""
    return gxe.ExpectColumnMaxToBeBetween(column=count, max_value=0, severity=severity, description=said)


def some(count: str, said: str) -> gxe.Expectation:
    """Expect a count above zero."""
    return gxe.ExpectColumnMaxToBeBetween(column=count, min_value=1, severity=CRITICAL, description=said)
