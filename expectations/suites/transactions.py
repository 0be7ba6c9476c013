"""What is expected of order lines, on top of what every table owes."""

import great_expectations.expectations as gxe
from great_expectations.expectations.metadata_types import FailureSeverity

WARNING = FailureSeverity.WARNING

DUPLICATES = "rows that repeat another row in every column"
SHARE_ANONYMOUS = "share of rows without a customer"
HIGHEST_SHARE_ANONYMOUS = 0.05


def expect_transactions() -> list[gxe.Expectation]:
    """Return the expectations over the one-row profile of a transactions table; all of them only warn."""
    return [
        gxe.ExpectColumnMaxToBeBetween(column=DUPLICATES, max_value=0, severity=WARNING),
        gxe.ExpectColumnMaxToBeBetween(column=SHARE_ANONYMOUS, max_value=HIGHEST_SHARE_ANONYMOUS, severity=WARNING),
    ]
