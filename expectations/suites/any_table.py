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
        gxe.ExpectColumnMaxToBeBetween(column=UNUSABLE, max_value=0, severity=CRITICAL),
        gxe.ExpectColumnMaxToBeBetween(column=READ, min_value=1, severity=CRITICAL),
        gxe.ExpectColumnMaxToBeBetween(column=USED, min_value=1, severity=CRITICAL),
        *(_none_set_aside(rule) for rule in rules),
    ]


def _none_set_aside(rule: Rule) -> gxe.Expectation:
    notes = {"format": "string", "content": [f"Rows are set aside where {rule.sentence}."]}
    return gxe.ExpectColumnMaxToBeBetween(column=set_aside(rule.name), max_value=0, severity=WARNING, meta={"notes": notes})
