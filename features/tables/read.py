"""Read one input table as the configuration names it, to canonical columns."""

import polars as pl

from features.tables.errors import TableUnusable
from features.tables.mapping import canonical
from features.tables.schema import ALL_TABLES, Table
from features.tables.sources import OVERFLOW, ROW, SOURCE, open_source
from settings.errors import first_line
from settings.sections import Settings

TWICE = "_duplicated_0"  # what Polars calls the second column of a name


def read_table(settings: Settings, name: str) -> pl.LazyFrame | None:
    """Return the table's rows, good and bad, with `_source`, `_row` and `_raw_<column>`; None where absent.

    Raises TableUnusable when it cannot be read at all.
    """
    source = getattr(settings.tables, name)
    if source is None:
        return None
    table, columns = ALL_TABLES[name], getattr(settings.columns, name)
    return pl.concat([_part(table, part, columns) for part in open_source(name, source)], how="diagonal")


def _part(table: Table, frame: pl.LazyFrame, columns: dict[str, str]) -> pl.LazyFrame:
    try:
        return canonical(table, _with_columns(table, frame), columns)
    except TableUnusable as error:
        where = frame.select(SOURCE).first().collect().to_series()
        raise TableUnusable(
            table.name, f"{error.sentence.rstrip('.')} (in {where[0]})." if len(where) else error.sentence
        ) from None


def _with_columns(table: Table, frame: pl.LazyFrame) -> pl.LazyFrame:
    try:
        found = [column for column in frame.collect_schema() if column not in {ROW, SOURCE, OVERFLOW}]
    except (pl.exceptions.PolarsError, OSError) as error:
        raise TableUnusable(table.name, f"it cannot be read: {first_line(error)}.") from None
    twice = [column.removesuffix(TWICE) for column in found if column.endswith(TWICE)]
    if twice:
        raise TableUnusable(table.name, f"the column {twice[0]} stands twice in the header; take one of them out.")
    if not found:
        raise TableUnusable(table.name, "the source is empty, without even a header.")
    return frame
