"""Tables that are unusable as a whole: no rows, a column of the wrong type throughout, or no good row."""

import polars as pl

from expectations.rows.filter import READABLE, UNREADABLE, FilterResult
from features.tables.errors import TableUnusableError
from features.tables.mapping import RAW
from features.tables.schema import Column, Kind, Table

MAX_EXAMPLE_LENGTH = 40
HINTS = {
    Kind.TIME: " For another date format write STRPTIME in [columns.{table}].",
    Kind.NUMBER: " For a decimal comma write {column} = \"CAST(REPLACE({column}, ',', '.') AS DOUBLE)\" in [columns.{table}].",
}


def refuse_unusable(table: Table, result: FilterResult, raw: pl.LazyFrame, reasons: str) -> None:
    """Raise TableUnusableError for a table without rows, with an unreadable column, or without a good row.

    A required column is unreadable if it has no readable cell but an unreadable one. An optional column is unreadable if
    more than half of all rows have an unreadable cell, and none a readable one. `reasons` says why rows are set aside.
    """
    if result.read == 0:
        raise TableUnusableError(table.name, "the source has a header but no rows.")
    for column in table.columns:
        unreadable = result.totals.get(f"{UNREADABLE}{column.name}", 0)
        tolerated = 0 if column.required else result.read / 2
        if unreadable > tolerated and not result.totals[f"{READABLE}{column.name}"]:
            raise _wrong_type(table, column, unreadable, raw)
    if result.used == 0:
        raise TableUnusableError(table.name, f"none of its {result.read} rows is usable ({reasons}).")


def _wrong_type(table: Table, column: Column, unreadable: int, raw: pl.LazyFrame) -> TableUnusableError:
    cells = raw.select(pl.col(RAW + column.name)).filter(pl.col(RAW + column.name).is_not_null())
    example = cells.head(1).collect(engine="streaming").item()[:MAX_EXAMPLE_LENGTH]
    sentence = f"the column {column.name} has no readable {column.kind} in any of {unreadable} rows"
    hint_applies = column.kind is not Kind.NUMBER or "," in example
    hint = HINTS.get(column.kind, "").format(table=table.name, column=column.name) if hint_applies else ""
    return TableUnusableError(table.name, f'{sentence}, for example "{example}".{hint}', f"{sentence}.{hint}")
