"""Rules for rows. A rule looks at one row alone, or at a threshold fixed before the load."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from settings.checks import Severity

RULE = "rule"
FOREIGN_RULE = "other_currency"
ERASED_RULE = "erased_customer"  # rows it sets aside are counted but stored nowhere


@dataclass(frozen=True)
class Rule:
    """A named reason to set a row aside, or to warn about it.

    `broken` is true for rows that break the rule, and never null. `sentence` completes "a row is set aside because ...".
    A row that breaks a `mandatory` rule is unusable: neither the configuration nor a release can waive the rule.
    """

    name: str
    sentence: str
    broken: pl.Expr
    mandatory: bool = False
    severity: Severity = "quarantine"

    @property
    def sets_aside(self) -> bool:
        """Whether rows that break the rule are kept out of use."""
        return self.severity in {"quarantine", "stop"}


def first_broken_rule(rules: Sequence[Rule]) -> pl.Expr:
    """Return the index in `rules` of the first rule that sets a row aside; null for a good row.

    An index takes far less memory and time per row than a name.
    """
    first = pl.lit(None, pl.UInt32)
    for index in range(len(rules) - 1, -1, -1):
        if rules[index].sets_aside:
            first = pl.when(rules[index].broken).then(pl.lit(index, pl.UInt32)).otherwise(first)
    return first


def rule_names(rules: Sequence[Rule], index: pl.Expr) -> pl.Expr:
    """Return the names of the rules at these indexes; null stays null."""
    return index.replace_strict({number: rule.name for number, rule in enumerate(rules)}, default=None, return_dtype=pl.String)


def false_if_null(condition: pl.Expr) -> pl.Expr:
    """Return the condition with false for null: empty cells break no rule."""
    return condition.fill_null(value=False)
