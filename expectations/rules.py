"""What a rule for rows is. Each looks at the row alone, or at a threshold fixed before the load."""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from settings.checks import Severity

RULE = "rule"


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


def broken_rule(rules: Iterable[Rule]) -> pl.Expr:
    """Name of the first rule that sets a row aside; null for a good row."""
    reasons = [pl.when(rule.broken).then(pl.lit(rule.name)) for rule in rules if rule.sets_aside]
    return pl.coalesce(*reasons, pl.lit(None, pl.String))


def never_null(condition: pl.Expr) -> pl.Expr:
    """A condition over empty cells is not broken."""
    return condition.fill_null(value=False)
