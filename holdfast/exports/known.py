"""The proposal for a known export: its layout, filled with the columns that this export has."""

from datetime import datetime

from features.tables.schema import SOURCE_TABLES
from holdfast.exports.cells.time_zones import zone_of_names
from holdfast.exports.columns import SourceColumns, source_columns
from holdfast.exports.currencies import choose_currency
from holdfast.exports.layout import Match
from holdfast.exports.proposal import ColumnGuess, Findings, JoinGuess, Proposal, TableGuess


def propose_known(matches: list[Match], today: datetime) -> Proposal:
    """Return the proposal for the tables of one known layout; the first match has the orders."""
    findings, layout = Findings(), matches[0].layout
    guesses, columns_of = [], [_columns(match, today, findings) for match in matches]
    for match, columns in zip(matches, columns_of, strict=True):
        if layout.time_zone_of is not None and (name := columns.find(layout.time_zone_of)) is not None:
            zone = zone_of_names(columns.cells[name])
            findings.zones += [] if zone is None else [zone]
        guesses.append(_table(match, columns))
        for sentence in match.table.unseen:
            findings.could_not_see(sentence)
    orders = guesses[0]
    given = {column.name for column in orders.columns}
    missing = tuple(name for name in SOURCE_TABLES["transactions"].required if name not in given)
    currency = choose_currency(orders, columns_of[0], findings)
    return Proposal(
        title=layout.title,
        tables=tuple(guesses),
        time_zone=findings.zones[0] if findings.zones else "UTC",
        currency=currency,
        notes=tuple(findings.notes),
        unseen=tuple(findings.unseen),
        missing=missing,
    )


def _columns(match: Match, today: datetime, findings: Findings) -> SourceColumns:
    joined = [(join.name, match.joined[join.name], join.on) for join in match.table.joins if join.name in match.joined]
    return source_columns(match.main, joined, today, findings)


def _table(match: Match, columns: SourceColumns) -> TableGuess:
    layout = match.table
    filled = {
        name: next((text for each in templates if (text := columns.fill(each))), None)
        for name, templates in layout.columns.items()
    }
    guesses = [ColumnGuess(name, source, layout.comments.get(name, "")) for name, source in filled.items() if source is not None]
    conditions = ((columns.condition(sql), reason) for sql, reason in layout.where)
    fill_down = [name for each in layout.fill_down if (name := columns.find(each)) is not None]
    joins = [
        JoinGuess(match.joined[join.name], _actual_keys(join.on, columns)) for join in layout.joins if join.name in match.joined
    ]
    return TableGuess(
        table=layout.table,
        main=match.main,
        columns=tuple(guess for guess in guesses if not _is_empty(guess, columns)),
        joins=tuple(joins),
        where=tuple((sql, reason) for sql, reason in conditions if sql is not None),
        fill_down=tuple(fill_down) if _needs_fill(fill_down, columns) else (),
    )


def _actual_keys(on: dict[str, str], columns: SourceColumns) -> dict[str, str]:
    return {columns.find(left) or left: right for left, right in on.items()}


def _is_empty(guess: ColumnGuess, columns: SourceColumns) -> bool:
    """Whether a column without a cell adds nothing; required ones stay."""
    required = guess.name in SOURCE_TABLES["transactions"].required
    return (
        not required
        and guess.source in columns.cells
        and columns.cells[guess.source].null_count() == len(columns.cells[guess.source])
    )


def _needs_fill(names: list[str], columns: SourceColumns) -> bool:
    return any(columns.cells[name].null_count() for name in names)
