"""Read one input table as the configuration names it, to canonical columns."""

from dataclasses import dataclass

import polars as pl

from features.tables.errors import TableUnusableError
from features.tables.mapping import canonical
from features.tables.schema import ALL_TABLES, Table
from features.tables.sources import OVERFLOW, ROW, SOURCE, SourceFile, open_source
from settings.errors import first_line
from settings.sections import Settings

TWICE = "_duplicated_0"  # what Polars calls the second column of a name


@dataclass(frozen=True)
class RawTable:
    """The rows of a table, good and bad, with `_source`, `_row`, `_zoned` and `_raw_<column>`, and the files they come from."""

    rows: pl.LazyFrame
    files: list[str]


def read_table(settings: Settings, name: str) -> RawTable | None:
    """Return a table as its source has it; None where it is absent.

    Files without a byte are passed over where others have rows. Raises TableUnusable when the table cannot be read at all.
    """
    source = getattr(settings.tables, name)
    if source is None:
        return None
    table, columns = ALL_TABLES[name], getattr(settings.columns, name)
    parts = open_source(name, source)
    written = [part for part in parts if not part.is_empty_file] or parts
    rows = pl.concat([_part(table, part, columns) for part in written], how="diagonal")
    return RawTable(rows, [part.name for part in parts])


def _part(table: Table, part: SourceFile, columns: dict[str, str]) -> pl.LazyFrame:
    try:
        return canonical(table, _with_columns(table, part.rows), columns)
    except TableUnusableError as error:
        said = (f"{sentence.rstrip('.')} (in {part.name})." for sentence in (error.sentence, error.public))
        raise TableUnusableError(table.name, *said) from None


def _with_columns(table: Table, frame: pl.LazyFrame) -> pl.LazyFrame:
    try:
        found = [column for column in frame.collect_schema() if column not in {ROW, SOURCE, OVERFLOW}]
    except (pl.exceptions.PolarsError, OSError) as error:
        raise TableUnusableError(table.name, f"it cannot be read: {first_line(error)}.", "it cannot be read.") from None
    twice = [column.removesuffix(TWICE) for column in found if column.endswith(TWICE)]
    if twice:
        raise TableUnusableError(table.name, f"the column {twice[0]} stands twice in the header; take one of them out.")
    if not found:
        raise TableUnusableError(table.name, "the source is empty, without even a header.")
    return frame
