"""Rules for the rows of every table: readable cells, and plausible ids, dates and numbers."""

from collections.abc import Collection
from datetime import datetime, time, timedelta

import polars as pl

from expectations.rows.rule import ERASED_RULE, FOREIGN_RULE, Rule, false_if_null
from features.storage.hashing import HashedIds
from features.tables.csv_repair import BROKEN_ROW
from features.tables.currency import is_foreign
from features.tables.mapping import RAW
from features.tables.schema import LEFT_OUT_RULE, Column, Kind, Table
from features.tables.selection import LEFT_OUT
from features.tables.sources import OVERFLOW, SOURCE
from settings.checks import TableChecks

# A shop's local clock may be ahead of UTC; the point-in-time filter keeps such rows out until their day has come.
CLOCK_SLACK = timedelta(days=1)
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # the tables hold UTC without a zone
SHORTENED_NUMBER = r"^\d+([.,]\d+)?[eE]\+\d+$"
CONTROL_CHARACTERS = r"[\x00-\x08\x0b\x0c\x0e-\x1f]"


def common_row_rules(
    table: Table,
    columns: Collection[str],
    limits: TableChecks,
    now: datetime,
    largest: dict[str, float],
    repeated: Collection[str] = (),
) -> list[Rule]:
    """Return the rules for a table with these canonical columns, in the order in which they are tested.

    `now` is UTC without a zone. `largest` is the frozen reference: the largest absolute number of each column. `repeated`
    names the files that have the same rows as an earlier file.
    """
    present = [column for column in table.columns if column.name in columns]
    rules = [Rule("repeated_load", "its file has the same rows as an earlier file", pl.col(SOURCE).is_in(list(repeated)))]
    rules += _shape_rules(present)
    for column in present:
        rules += _cell_rules(column) + _text_rules(column, limits) + _number_rules(column, limits, largest)
    return rules + (_date_rules(table, limits, now) if table.known_from in columns else [])


def erased_rule(erased: HashedIds, columns: Collection[str]) -> Rule:
    """Return the rule that sets aside rows with an erased customer in one of these columns.

    Test it first, so that no other rule puts such rows in quarantine.
    """
    is_erased = pl.any_horizontal(erased.holds(name) for name in columns)
    return Rule(ERASED_RULE, "the customer was erased on request", is_erased, mandatory=True)


def left_out_rule() -> Rule:
    """Return the rule that sets aside what the `where` of the source leaves out. Test it first: such rows have no other fault."""
    return Rule(LEFT_OUT_RULE, "the condition `where` of the source leaves it out", pl.col(LEFT_OUT), mandatory=True)


def foreign_rule(currency: str) -> Rule:
    """Return the rule that sets aside order lines in another currency that could not be converted."""
    sentence = f"its currency is not {currency}, that of [value], and the rates table has no rate for its day"
    return Rule(FOREIGN_RULE, sentence, is_foreign(currency), mandatory=True)


def _shape_rules(present: list[Column]) -> list[Rule]:
    overflow = pl.col(OVERFLOW)
    unmatched_quotes = false_if_null(overflow.str.starts_with(BROKEN_ROW))
    cells = [pl.col(column.name) for column in present]
    unreadable_cells = [pl.col(RAW + column.name) for column in present if column.kind is not Kind.TEXT]
    is_empty = pl.all_horizontal(cell.is_null() for cell in cells + unreadable_cells)
    return [
        Rule("broken_quotes", "its quotes do not match", unmatched_quotes, mandatory=True),
        Rule("too_many_cells", "it has more cells than the header", overflow.is_not_null(), mandatory=True),
        Rule("empty_row", "every cell is empty", is_empty, mandatory=True),
    ]


def _cell_rules(column: Column) -> list[Rule]:
    """Return rules for cells that are unreadable, or empty although required."""
    name, value = column.name, pl.col(column.name)
    rules = []
    if column.kind is not Kind.TEXT:
        sentence = f"{name} cannot be read as a {column.kind}"
        rules.append(Rule(f"unreadable_{name}", sentence, pl.col(RAW + name).is_not_null(), mandatory=column.required))
    if column.required:
        rules.append(Rule(f"missing_{name}", f"{name} is empty", value.is_null(), mandatory=True))
    return rules


def _text_rules(column: Column, limits: TableChecks) -> list[Rule]:
    """Return rules for damaged text: ids are set aside, other text only causes a warning."""
    if column.kind is not Kind.TEXT:
        return []
    name, value = column.name, pl.col(column.name)
    undecodable = false_if_null(value.str.contains("\ufffd", literal=True))
    if not column.required:
        sentence = f"{name} is not UTF-8 text and is left empty; name the encoding of the file in [tables], such as cp1252"
        return [Rule(f"undecodable_{name}", sentence, undecodable, severity="warn")]
    too_long = false_if_null(value.str.len_bytes() > limits.longest_id)
    shortened = f"{name} was shortened by a spreadsheet, as 7.12E+12 is; export it as text"
    marked = f"{name} begins with an apostrophe, as a spreadsheet marks text; export it without, or remove it in [columns]"
    has_control_characters = false_if_null(value.str.contains(CONTROL_CHARACTERS))
    return [
        Rule(f"undecodable_{name}", f"{name} is not UTF-8 text", undecodable, mandatory=True),
        Rule(f"too_long_{name}", f"{name} has more than {limits.longest_id} bytes", too_long, mandatory=True),
        Rule(f"shortened_{name}", shortened, false_if_null(value.str.contains(SHORTENED_NUMBER)), mandatory=True),
        Rule(f"apostrophe_{name}", marked, false_if_null(value.str.starts_with("'"))),
        Rule(f"control_characters_{name}", f"{name} contains control characters", has_control_characters, mandatory=True),
    ]


def _number_rules(column: Column, limits: TableChecks, largest: dict[str, float]) -> list[Rule]:
    if column.kind not in {Kind.NUMBER, Kind.INTEGER}:
        return []
    name, value = column.name, pl.col(column.name)
    rules = []
    if column.kind is Kind.NUMBER:
        infinite = ~value.is_finite().fill_null(value=True)
        rules.append(Rule(f"not_finite_{name}", f"{name} is not a finite number", infinite, mandatory=True))
    if column.low is not None or column.high is not None:
        return [*rules, _range_rule(column)]
    absurd = false_if_null(value.abs() > limits.largest_number)
    rules.append(Rule(f"absurd_{name}", f"{name} is beyond ±{limits.largest_number:g}", absurd, mandatory=True))
    if largest.get(name):
        extreme = false_if_null(value.abs() > limits.extreme_factor * largest[name])
        sentence = f"{name} is more than {limits.extreme_factor:g} times the largest one in the frozen reference"
        rules.append(Rule(f"extreme_{name}", sentence, extreme))
    return rules


def _range_rule(column: Column) -> Rule:
    name, low, high = column.name, column.low, column.high
    within = pl.col(name) >= low if high is None else pl.col(name).is_between(low, high)
    sentence = f"{name} is below {low:g}" if high is None else f"{name} is not between {low:g} and {high:g}"
    return Rule(f"out_of_range_{name}", sentence, ~within.fill_null(value=True), mandatory=True)


def _date_rules(table: Table, limits: TableChecks, now: datetime) -> list[Rule]:
    name, time_of_row = table.known_from, pl.col(table.known_from)
    earliest = datetime.combine(limits.earliest, time.min)
    future = false_if_null(time_of_row > now + CLOCK_SLACK)
    implausible = false_if_null((time_of_row < earliest) | (time_of_row == EPOCH))
    return [
        Rule(f"future_{name}", f"{name} is in the future", future, mandatory=True),
        Rule(f"implausible_{name}", f"{name} is before {limits.earliest} or is the placeholder {EPOCH:%Y-%m-%d}", implausible),
    ]
