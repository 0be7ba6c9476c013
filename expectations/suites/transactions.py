"""The rules and checks that only order lines have."""

from collections.abc import Collection

import polars as pl

from expectations.check import Check
from expectations.rows.rule import Rule, false_if_null
from settings.checks import TransactionChecks

KEYS: tuple[str, ...] = ()
ABSOLUTE_TOLERANCE = 0.011  # a cent, and rounding
RELATIVE_TOLERANCE = 1e-3
MAX_ROUNDED = 0.5  # a tenth of all ids with 16 digits end in 0


def row_rules(columns: Collection[str], limits: TransactionChecks) -> list[Rule]:  # noqa: ARG001  # one signature for all suites
    """Return the rules for order lines."""
    amount, quantity, price = pl.col("amount"), pl.col("quantity"), pl.col("unit_price")
    rules = [Rule("zero_amount", "amount is 0", false_if_null(amount == 0), severity="warn")]
    if "quantity" in columns:
        contradicting, negative_sale = (quantity < 0) & (amount > 0), (quantity >= 0) & (amount < 0)
        rules += [
            Rule("contradicting_signs", "quantity is negative but amount is positive", false_if_null(contradicting)),
            Rule("negative_sale", "amount is negative but quantity is not", false_if_null(negative_sale), severity="warn"),
            Rule("zero_quantity", "quantity is 0", false_if_null(quantity == 0), severity="warn"),
        ]
    if {"quantity", "unit_price"} <= set(columns) and "discount" not in columns:
        tolerance = pl.max_horizontal(pl.lit(ABSOLUTE_TOLERANCE), amount.abs() * RELATIVE_TOLERANCE)
        differs = false_if_null((amount - quantity * price).abs() > tolerance)
        rules.append(Rule("amount_differs", "amount differs from quantity times unit_price", differs, severity="warn"))
    return rules


def table_checks(limits: TransactionChecks) -> list[Check]:
    """Return the checks of order lines as a whole."""
    return [
        Check("fresh", f"The newest order is at most {limits.max_age_days} days old", high=limits.max_age_days),
        _share_check("missing_customers", "have no customer", limits.max_missing_customers),
        _share_check("returns", "are returns", limits.max_returns),
        Check(
            "changed_orders",
            "No order comes again, in another file or with another ingested_at, with other cells; its versions are added up",
            high=0,
        ),
        Check(
            "repeated_orders",
            "No order comes again, in another file or with another ingested_at, as it was; its copies are added up",
            high=0,
        ),
        Check(
            "missing_days",
            f"{_at_most_days(limits.max_missing_days)} without orders although the weekday usually has some",
            high=limits.max_missing_days,
        ),
        Check(
            "stray_orders",
            "No order is dated so many days after the others that it is probably wrong",
            high=0,
            advice="Correct or remove such orders.",
        ),
        Check(
            "last_day",
            f"The newest day has at least {limits.min_last_day:.0%} of the order lines that are typical for its weekday",
            low=limits.min_last_day,
            is_share=True,
        ),
        Check(
            "amount_jump",
            f"The typical amount of a week differs from that of the weeks before by a factor of at most {limits.max_jump:g}",
            high=limits.max_jump,
        ),
        Check(
            "dominant_customer",
            "No customer id has far more lines or money than any other, as an id for everybody without an account has",
            high=0,
            is_share=True,
        ),
        Check(
            "rounded_ids",
            f"At most {MAX_ROUNDED:.0%} of the long customer ids have only zeros after the 15th digit, where spreadsheets round",
            high=MAX_ROUNDED,
            severity="stop",
            is_share=True,
        ),
        Check(
            "alike_words",
            "No two brands, categories, products, channels, regions or stores differ only in case or spaces",
            high=0,
            advice="Add normalise = true to the source in [tables], and they are one word.",
        ),
        _share_check("odd_products", "have a product code without a digit, unlike most codes", limits.max_odd_products),
    ]


def _share_check(name: str, predicate: str, max_share: float) -> Check:
    subject = f"At most {max_share:.0%} of the order lines" if max_share else "None of the order lines"
    return Check(name, f"{subject} {predicate}", high=max_share, is_share=True)


def _at_most_days(max_days: int) -> str:
    return f"At most {max_days} days are" if max_days else "No day is"
