"""Tables of outcomes, each shown once: scopes with equal figures, such as one action per list, share a table."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from serving.outcomes.measure import GroupOutcome

Row = TypeVar("Row")
NOTE_ON_GLOBAL_CONTROL = (
    "Held out: the control group that the list drew. In brackets: customers of the global control group, whom no list treats. "
    "The files count them as held out too. They are compared separately."
)


@dataclass(frozen=True)
class OutcomeTable(Generic[Row]):
    """Rows with their names: `names` has the names of each row by scope, in the order of the scopes."""

    scopes: tuple[str, ...]
    rows: Sequence[Row]
    names: Sequence[dict[str, str]]


def merge_equal_tables(
    by_scope: Mapping[str, Sequence[Row]], name: Callable[[Row], str], figures: Callable[[Row], Hashable]
) -> list[OutcomeTable[Row]]:
    """Return a table per scope with rows; a scope with the figures of an earlier one is named in its table instead.

    Scopes are equal if the same figures occur in both, once each; in figures that occur twice, the names could be mistaken.
    """
    tables: list[OutcomeTable[Row]] = []
    for scope, rows in by_scope.items():
        own = {figures(row): name(row) for row in rows}
        index = next((i for i, table in enumerate(tables) if _is_equal(table.rows, rows, figures)), None)
        if index is None:
            tables += [OutcomeTable((scope,), rows, [{scope: name(row)} for row in rows])] if rows else []
            continue
        table = tables[index]
        names = [known | {scope: own[figures(row)]} for known, row in zip(table.names, table.rows, strict=True)]
        tables[index] = OutcomeTable((*table.scopes, scope), table.rows, names)
    return tables


def _is_equal(rows: Sequence[Row], others: Sequence[Row], figures: Callable[[Row], Hashable]) -> bool:
    own, theirs = {figures(row) for row in rows}, {figures(row) for row in others}
    return own == theirs and len(own) == len(rows) == len(others)


def group_figures(group: GroupOutcome) -> Hashable:
    """Return the figures that tell two groups apart."""
    return row_figures(group.as_dict())


def row_figures(row: Mapping[str, Any]) -> Hashable:
    """Return the figures of a group in the stored report, which may lack newer ones."""
    effects = (tuple(sorted((row[name] or {}).items())) for name in ("orders", "profit"))
    return (row["treated"], row["control"], row["closed"], row["expected_gain"], row.get("global_control"), *effects)


def join_titles(titles: Sequence[str]) -> str:
    """Return the title of a table of several scopes, as "By list and by action"."""
    *others, last = [titles[0], *(title[0].lower() + title[1:] for title in titles[1:])]
    return f"{', '.join(others)} and {last}" if others else last


def is_conclusive(row: Mapping[str, Any]) -> bool:
    """Return whether a group of the stored report has a result; never with an interval of width zero, as in old reports."""
    profit, orders = row["profit"], row["orders"]
    if not profit or not orders or profit["low"] == profit["high"] or orders["low"] == orders["high"]:
        return False
    conclusive = row.get("conclusive", row["verdict"] in {"a gain", "a loss"})
    return bool(conclusive) and (profit["low"] > 0 or profit["high"] < 0)
