"""When a table as a whole cannot be used: no rows, a column of the wrong type throughout, or no good row."""

import polars as pl

from expectations.rows.filter import FilterResult
from features.tables.errors import TableUnusableError
from features.tables.mapping import RAW
from features.tables.schema import Column, Kind, Table

MAX_EXAMPLE_LENGTH = 40
HINTS = {
    Kind.TIME: " For another date format write STRPTIME in [columns.{table}].",
    Kind.NUMBER: " For a decimal comma write {column} = \"CAST(REPLACE({column}, ',', '.') AS DOUBLE)\" in [columns.{table}].",
}


def refuse_unusable(table: Table, sifted: FilterResult, raw: pl.LazyFrame) -> None:
    """Raise TableUnusable for a table without rows, with a column that cannot be read throughout, or without a good row.

    An optional column counts where more than half of all rows have something unreadable in it, and none anything readable.
    """
    if sifted.read == 0:
        raise TableUnusableError(table.name, "the source has a header but no rows.")
    for column in table.columns:
        unread = sifted.totals.get(f"unread:{column.name}", 0)
        if unread > (0 if column.required else sifted.read / 2) and not sifted.totals[f"read:{column.name}"]:
            raise _wrong_type(table, column, unread, raw)
    if sifted.used == 0:
        found = ", ".join(f"{rows} {rule}" for rule, rows in sifted.broken.items())
        raise TableUnusableError(table.name, f"none of its {sifted.read} rows is usable ({found}).")


def _wrong_type(table: Table, column: Column, unread: int, raw: pl.LazyFrame) -> TableUnusableError:
    cells = raw.select(pl.col(RAW + column.name)).filter(pl.col(RAW + column.name).is_not_null())
    example = cells.head(1).collect(engine="streaming").item()[:MAX_EXAMPLE_LENGTH]
    said = f"the column {column.name} is no {column.kind} in any of {unread} rows"
    comma = column.kind is not Kind.NUMBER or "," in example
    hint = HINTS.get(column.kind, "").format(table=table.name, column=column.name) if comma else ""
    return TableUnusableError(table.name, f'{said}, such as "{example}".{hint}', f"{said}.{hint}")
