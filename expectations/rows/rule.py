"""What a rule for rows is. Each looks at the row alone, or at a threshold fixed before the load."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from settings.checks import Severity

RULE = "rule"
ERASED_RULE = "erased_customer"  # the rows it sets aside are counted, and kept nowhere


@dataclass(frozen=True)
class Rule:
    """A named reason to set a row aside, or to warn of it: `broken` is true where it applies, never null.

    `sentence` completes "a row is set aside because ...". A `firm` rule says that the row cannot be used whatever anybody
    thinks of it: no configuration and no release makes up for it.
    """

    name: str
    sentence: str
    broken: pl.Expr
    firm: bool = False
    severity: Severity = "quarantine"

    @property
    def sets_aside(self) -> bool:
        """Whether rows that break it are kept out of use."""
        return self.severity in {"quarantine", "stop"}


def broken_rule(rules: Sequence[Rule]) -> pl.Expr:
    """Place in `rules` of the first one that sets a row aside; null for a good row. A number is much cheaper than a name."""
    first = pl.lit(None, pl.UInt32)
    for place in range(len(rules) - 1, -1, -1):
        if rules[place].sets_aside:
            first = pl.when(rules[place].broken).then(pl.lit(place, pl.UInt32)).otherwise(first)
    return first


def named(rules: Sequence[Rule], place: pl.Expr) -> pl.Expr:
    """Turn places in `rules` to the rules' names; null stays null."""
    return place.replace_strict({number: rule.name for number, rule in enumerate(rules)}, default=None, return_dtype=pl.String)


def never_null(condition: pl.Expr) -> pl.Expr:
    """A condition over empty cells is not broken."""
    return condition.fill_null(value=False)
