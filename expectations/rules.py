"""Rules that set a row aside. Each looks at the row alone, or at a threshold fixed before the load."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from features.tables.mapping import RAW
from features.tables.schema import Column, Kind, Table
from features.tables.sources import OVERFLOW, SOURCE

# A shop's local clock may run ahead of UTC; the gate on as_of keeps such rows out until their day has come.
CLOCK_SLACK = timedelta(days=1)


@dataclass(frozen=True)
class Rule:
    """A named reason to set a row aside: `broken` is true where it applies, never null."""

    name: str
    sentence: str
    broken: pl.Expr


def row_rules(table: Table, columns: Collection[str], now: datetime, repeated: Collection[str] = ()) -> list[Rule]:
    """Return the rules for a table with these canonical columns, in the order in which they are tried.

    `now` is UTC without a zone; `repeated` names the files whose content an earlier file already had.
    """
    present = [column for column in table.columns if column.name in columns]
    rules = [Rule("repeated_load", "the whole file is a copy of an earlier one", pl.col(SOURCE).is_in(list(repeated)))]
    rules.append(Rule("too_many_cells", "the row has more cells than the header", pl.col(OVERFLOW).is_not_null()))
    for column in present:
        rules += _cell_rules(column)
    if table.known_from in columns:
        future = (pl.col(table.known_from) > now + CLOCK_SLACK).fill_null(value=False)
        rules.append(Rule(f"future_{table.known_from}", f"{table.known_from} lies in the future", future))
    return rules


def broken_rule(rules: list[Rule]) -> pl.Expr:
    """Name of the first rule that a row breaks; null for a good row."""
    return pl.coalesce(*(pl.when(rule.broken).then(pl.lit(rule.name)) for rule in rules))


def _cell_rules(column: Column) -> list[Rule]:
    value, name = pl.col(column.name), column.name
    rules = []
    if column.kind is not Kind.TEXT:
        unread = pl.col(RAW + name).is_not_null()
        rules.append(Rule(f"unreadable_{name}", f"{name} cannot be read as a {column.kind}", unread))
    if column.kind is Kind.TEXT and column.required:
        rules.append(
            Rule(
                f"undecodable_{name}",
                f"{name} is not UTF-8 text",
                value.str.contains("\ufffd", literal=True).fill_null(value=False),
            )
        )
    if column.required:
        rules.append(Rule(f"missing_{name}", f"{name} is empty", value.is_null()))
    if column.kind is Kind.NUMBER:
        rules.append(Rule(f"not_finite_{name}", f"{name} is not a finite number", ~value.is_finite().fill_null(value=True)))
    if column.low is not None and column.high is not None:
        outside = ~value.is_between(column.low, column.high).fill_null(value=True)
        rules.append(Rule(f"out_of_range_{name}", f"{name} is not between {column.low:g} and {column.high:g}", outside))
    return rules
