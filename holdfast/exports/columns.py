"""The columns of a source and of those joined to it, and placeholders for them in SQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from features.tables.joined_files import joined_name
from holdfast.exports.cells.dates import TimeFormat, time_format
from holdfast.exports.cells.numbers import NumberFormat, number_format
from holdfast.exports.cells.sql import quoted
from holdfast.exports.cells.time_zones import zone_of_offsets
from holdfast.exports.layout import PLACEHOLDER
from holdfast.exports.proposal import Findings
from holdfast.exports.source_sample import Sample

PLUS = "+"  # joins a date column and a time column in one placeholder: {time:Date+Time}


@dataclass(frozen=True)
class SourceColumns:
    """Columns by their names after the join, the cells of each in its own source, and what is found out about them."""

    cells: Mapping[str, pl.Series]
    aliases: Mapping[tuple[str | None, str], str]  # (name of the joined source or None, lower-case name) -> name
    today: datetime
    findings: Findings
    prefers_day_first: bool = True
    typed: frozenset[str] = frozenset()

    def text(self, column: str) -> str:
        """Return the cells of a column as text, in SQL."""
        return f"CAST({quoted(column)} AS VARCHAR)" if column in self.typed else quoted(column)

    def find(self, name: str, source: str | None = None) -> str | None:
        """Return the name of a column after the join; None if no source has it."""
        return self.aliases.get((source, name.strip().lower()))

    def fill(self, template: str) -> str | None:
        """Return the source of a column, a name or SQL; None if a column is missing or cannot be read as its placeholder says."""
        only = PLACEHOLDER.fullmatch(template)
        if only is not None and only[1] is None:
            return self.find(only[2], only[3])
        sql = self.condition(template)
        return None if sql is None else self.plain(sql)

    def condition(self, template: str) -> str | None:
        """Return a condition or an expression in SQL; None if a column is missing or cannot be read as its placeholder says."""
        values = [self._value(*match.groups()) for match in PLACEHOLDER.finditer(template)]
        filled = iter(values)
        return None if None in values else PLACEHOLDER.sub(lambda _: str(next(filled)), template)

    def plain(self, sql: str) -> str:
        """Return the bare name where the SQL is one quoted column."""
        name = sql[1:-1].replace('""', '"')
        return name if sql == quoted(name) and name in self.cells else sql

    def _value(self, kind: str | None, name: str, source: str | None) -> str | None:
        columns = [self.find(part, source) for part in (name.split(PLUS) if kind == "time" else [name])]
        known = [column for column in columns if column is not None]
        if len(known) < len(columns):
            return None
        if kind == "time":
            return self.time(*known)
        return self.text(known[0]) if kind is None else self.number(known[0])

    def number(self, column: str) -> str | None:
        """Return the numbers of a column in SQL, however they are written; None if its cells are no numbers."""
        cells = self.cells[column].drop_nulls()
        if cells.is_empty():
            return quoted(column)
        written = number_format(cells)
        if written is None:
            return None
        self._tell_number(column, written)
        return written.sql(quoted(column))

    def _tell_number(self, column: str, written: NumberFormat) -> None:
        if written.currency is not None:
            self.findings.currencies.append(written.currency)
        if written.has_comma:
            self.findings.note(f"{column} has a decimal comma.")
        if written.is_ambiguous:
            self.findings.could_not_see(
                f"Whether 1.234 or 1,234 in {column} is a thousand or a little more than one: it is read as a thousand."
            )

    def time(self, *columns: str) -> str | None:
        """Return the times in a column, or in one of dates and one of times, in SQL; None if the cells are no times."""
        cell = " || ' ' || ".join(quoted(column) for column in columns)
        cells = self.cells[columns[0]]
        for column in columns[1:]:
            cells = cells + " " + self.cells[column]
        written = time_format(cells, self.today, prefers_day_first=self.prefers_day_first)
        if written is None:
            return None
        self._tell_time(" and ".join(columns), cells, written)
        return written.sql(cell)

    def _tell_time(self, column: str, cells: pl.Series, written: TimeFormat) -> None:
        zone = zone_of_offsets(cells)
        if zone is not None:
            self.findings.zones.append(zone)
        if written.formats:
            self.findings.note(f"{column} is read as {' or '.join(written.formats)}.")
        if written.is_ambiguous:
            first = "the day" if written.is_day_first else "the month"
            self.findings.could_not_see(
                f"Whether the day or the month comes first in {column}: no date decides it. It is read with {first} first; "
                "if that is wrong, exchange %d and %m."
            )
        if written.epoch in {"seconds", "milliseconds"}:
            self.findings.note(f"{column} counts {written.epoch} since 1970, in UTC.")


def source_columns(
    main: Sample, joined: list[tuple[str, Sample, dict[str, str]]], today: datetime, findings: Findings
) -> SourceColumns:
    """Return the columns of `main` and of the sources joined to it, as `features.tables.joined_files` names them.

    `joined` has a name, a sample and the columns that its keys have in the main source or in one joined before.
    """
    cells, typed = {name: main.cells[name] for name in main.columns}, set(main.typed)
    aliases: dict[tuple[str | None, str], str] = {(None, name.strip().lower()): name for name in cells}
    for source, sample, on in joined:
        for name in sample.columns:
            if name in on.values():
                own = next(key for key, value in on.items() if value == name)
                aliases[source, name.strip().lower()] = own
                continue
            after = joined_name(name, cells, sample.stem)
            cells[after] = sample.cells[name]
            typed |= {after} if name in sample.typed else set()
            aliases[source, name.strip().lower()] = after
            aliases.setdefault((None, name.strip().lower()), after)
    return SourceColumns(cells, aliases, today, findings, _prefers_day_first(cells), frozenset(typed))


def _prefers_day_first(cells: Mapping[str, pl.Series]) -> bool:
    """Whether amounts look as where the day comes first: not with dollars, and not with AM and PM."""
    heads = [series.drop_nulls().head(20) for series in cells.values()]
    has_dollars = any(head.str.contains("$", literal=True).any() or (head == "USD").any() for head in heads)
    has_am_pm = any(head.str.contains(r"(?i)\d\s*[ap]m\b").any() for head in heads)
    return not (has_dollars or has_am_pm)
