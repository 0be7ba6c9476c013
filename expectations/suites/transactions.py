"""What is expected of order lines, on top of what every table owes."""

import great_expectations.expectations as gxe

from expectations.suites.any_table import WARNING, none

DUPLICATES = "rows that repeat another row in every column"
SHARE_ANONYMOUS = "share of rows without a customer"
HIGHEST_SHARE_ANONYMOUS = 0.05


def expect_transactions() -> list[gxe.Expectation]:
    """Return the expectations over the one-row profile of a transactions table; all of them only warn."""
    said = f"At most {HIGHEST_SHARE_ANONYMOUS:.0%} of the order lines have no customer"
    share = gxe.ExpectColumnMaxToBeBetween(
        column=SHARE_ANONYMOUS, max_value=HIGHEST_SHARE_ANONYMOUS, severity=WARNING, description=said
    )
    return [none(DUPLICATES, WARNING, "No order line stands twice; such lines stay in use"), share]
