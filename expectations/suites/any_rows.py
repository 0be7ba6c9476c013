"""Rules for the rows of every table: cells that can be read, ids, dates and numbers that make sense."""

from collections.abc import Collection
from datetime import datetime, time, timedelta

import polars as pl

from expectations.rows.rule import ERASED_RULE, Rule, never_null
from features.storage.hashing import HashedIds
from features.tables.csv_repair import BROKEN
from features.tables.mapping import RAW
from features.tables.schema import Column, Kind, Table
from features.tables.sources import OVERFLOW, SOURCE
from settings.checks import TableChecks

# A shop's local clock may run ahead of UTC; the gate on as_of keeps such rows out until their day has come.
CLOCK_SLACK = timedelta(days=1)
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # the tables hold UTC without a zone
CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f]"


def any_rows(
    table: Table,
    columns: Collection[str],
    limits: TableChecks,
    now: datetime,
    largest: dict[str, float],
    repeated: Collection[str] = (),
) -> list[Rule]:
    """Return the rules for a table with these canonical columns, in the order in which they are tried.

    `now` is UTC without a zone; `largest` is the frozen reference, the largest absolute number of each column;
    `repeated` names the files whose content an earlier file already had.
    """
    present = [column for column in table.columns if column.name in columns]
    rules = [Rule("repeated_load", "the whole file is a copy of an earlier one", pl.col(SOURCE).is_in(list(repeated)))]
    rules += _shape_rules(present)
    for column in present:
        rules += _cell_rules(column) + _text_rules(column, limits) + _number_rules(column, limits, largest)
    return rules + (_date_rules(table, limits, now) if table.known_from in columns else [])


def erased_rule(erased: HashedIds) -> Rule:
    """Return the rule that keeps erased customers out: the first one, so that nothing of them is kept for another reason."""
    return Rule(ERASED_RULE, "the customer was erased on request", erased.holds(), firm=True)


def _shape_rules(present: list[Column]) -> list[Rule]:
    overflow = pl.col(OVERFLOW)
    unmatched = never_null(overflow.str.starts_with(BROKEN))
    read = [pl.col(column.name) for column in present]
    unread = [pl.col(RAW + column.name) for column in present if column.kind is not Kind.TEXT]
    return [
        Rule("broken_quotes", "its quotes do not match", unmatched, firm=True),
        Rule("too_many_cells", "the row has more cells than the header", overflow.is_not_null(), firm=True),
        Rule("empty_row", "every cell is empty", pl.all_horizontal(cell.is_null() for cell in read + unread), firm=True),
    ]


def _cell_rules(column: Column) -> list[Rule]:
    """Whether the cell is there and can be read as what it should be."""
    name, value = column.name, pl.col(column.name)
    rules = []
    if column.kind is not Kind.TEXT:
        unread = pl.col(RAW + name).is_not_null()
        rules.append(Rule(f"unreadable_{name}", f"{name} cannot be read as a {column.kind}", unread, firm=column.required))
    if column.required:
        rules.append(Rule(f"missing_{name}", f"{name} is empty", value.is_null(), firm=True))
    return rules


def _text_rules(column: Column, limits: TableChecks) -> list[Rule]:
    """Ids must be clean; other texts may be damaged, which is told."""
    if column.kind is not Kind.TEXT:
        return []
    name, value = column.name, pl.col(column.name)
    undecodable = never_null(value.str.contains("\ufffd", literal=True))
    if not column.required:
        return [Rule(f"undecodable_{name}", f"{name} is not UTF-8 text", undecodable, severity="warn")]
    too_long, control = never_null(value.str.len_bytes() > limits.longest_id), never_null(value.str.contains(CONTROL))
    return [
        Rule(f"undecodable_{name}", f"{name} is not UTF-8 text", undecodable, firm=True),
        Rule(f"too_long_{name}", f"{name} has more than {limits.longest_id} bytes", too_long, firm=True),
        Rule(f"control_characters_{name}", f"{name} holds control characters", control, firm=True),
    ]


def _number_rules(column: Column, limits: TableChecks, largest: dict[str, float]) -> list[Rule]:
    if column.kind not in {Kind.NUMBER, Kind.INTEGER}:
        return []
    name, value = column.name, pl.col(column.name)
    rules = []
    if column.kind is Kind.NUMBER:
        infinite = ~value.is_finite().fill_null(value=True)
        rules.append(Rule(f"not_finite_{name}", f"{name} is not a finite number", infinite, firm=True))
    if column.low is not None or column.high is not None:
        return [*rules, _range_rule(column)]
    absurd = never_null(value.abs() > limits.largest_number)
    rules.append(Rule(f"absurd_{name}", f"{name} is beyond {limits.largest_number:g}", absurd, firm=True))
    if largest.get(name):
        limit = limits.extreme_factor * largest[name]
        said = f"{name} is more than {limits.extreme_factor:g} times the largest one when the reference was frozen"
        rules.append(Rule(f"extreme_{name}", said, never_null(value.abs() > limit)))
    return rules


def _range_rule(column: Column) -> Rule:
    name, low, high = column.name, column.low, column.high
    within = pl.col(name) >= low if high is None else pl.col(name).is_between(low, high)
    said = f"{name} is below {low:g}" if high is None else f"{name} is not between {low:g} and {high:g}"
    return Rule(f"out_of_range_{name}", said, ~within.fill_null(value=True), firm=True)


def _date_rules(table: Table, limits: TableChecks, now: datetime) -> list[Rule]:
    name, when = table.known_from, pl.col(table.known_from)
    first = datetime.combine(limits.earliest, time.min)
    placeholder = never_null((when < first) | (when == EPOCH))
    return [
        Rule(f"future_{name}", f"{name} lies in the future", never_null(when > now + CLOCK_SLACK), firm=True),
        Rule(f"implausible_{name}", f"{name} is before {limits.earliest} or a placeholder for no date", placeholder),
    ]
