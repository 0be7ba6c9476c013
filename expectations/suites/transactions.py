"""What is expected of order lines, on top of what every table owes."""

from collections.abc import Collection

import polars as pl

from expectations.check import Check
from expectations.rows.rule import Rule, never_null
from settings.checks import TransactionChecks

KEYS: tuple[str, ...] = ()
CENT = 0.011
TENTH_OF_A_PERCENT = 1e-3


def rows(columns: Collection[str], limits: TransactionChecks) -> list[Rule]:  # noqa: ARG001  # one signature for all suites
    """Return the rules for rows that hold for order lines alone."""
    amount, quantity, price = pl.col("amount"), pl.col("quantity"), pl.col("unit_price")
    rules = [Rule("zero_amount", "amount is 0", never_null(amount == 0), severity="warn")]
    if "quantity" in columns:
        rules += [
            Rule("contradicting_signs", "quantity is negative and amount positive", never_null((quantity < 0) & (amount > 0))),
            Rule(
                "negative_sale",
                "amount is negative and quantity is not",
                never_null((quantity >= 0) & (amount < 0)),
                severity="warn",
            ),
            Rule("zero_quantity", "quantity is 0", never_null(quantity == 0), severity="warn"),
        ]
    if {"quantity", "unit_price"} <= set(columns) and "discount" not in columns:
        off = (amount - quantity * price).abs() > pl.max_horizontal(pl.lit(CENT), amount.abs() * TENTH_OF_A_PERCENT)
        rules.append(Rule("amount_differs", "amount is not quantity times unit_price", never_null(off), severity="warn"))
    return rules


def whole(limits: TransactionChecks) -> list[Check]:
    """Return the checks of the whole table that only order lines have."""
    return [
        Check("fresh", f"The newest order is at most {limits.max_age_days} days old", high=limits.max_age_days),
        Check(
            "missing_customers",
            _share("of the order lines have no customer", limits.max_missing_customers),
            high=limits.max_missing_customers,
            is_share=True,
        ),
        Check("returns", _share("of the order lines are returns", limits.max_returns), high=limits.max_returns, is_share=True),
        Check("missing_days", "No day is without orders that has them in other weeks", high=limits.max_missing_days),
        Check(
            "last_day",
            f"The newest day has at least {limits.min_last_day:.0%} of the orders usual for its weekday",
            low=limits.min_last_day,
            is_share=True,
        ),
        Check(
            "amount_jump",
            f"The usual amount of a week is less than {limits.max_jump:g} times that of the weeks before",
            high=limits.max_jump,
        ),
        Check(
            "odd_products",
            _share("of the order lines have a product code unlike the others", limits.max_odd_products),
            high=limits.max_odd_products,
            is_share=True,
        ),
    ]


def _share(of_what: str, most: float) -> str:
    return f"At most {most:.0%} {of_what}" if most else f"None {of_what}"
