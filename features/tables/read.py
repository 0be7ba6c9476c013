"""Read one input table as the configuration names it, to canonical columns."""

import polars as pl

from features.tables.errors import TableUnusable
from features.tables.mapping import canonical
from features.tables.schema import ALL_TABLES, Table
from features.tables.sources import ROW, SOURCE, open_source
from settings.sections import Settings


def read_table(settings: Settings, name: str) -> pl.LazyFrame | None:
    """Return the table's rows, good and bad, with `_source`, `_row` and `_raw_<column>`; None where absent.

    Raises TableUnusable when it cannot be read at all.
    """
    source = getattr(settings.tables, name)
    if source is None:
        return None
    table, columns = ALL_TABLES[name], getattr(settings.columns, name)
    parts = [canonical(table, _with_columns(table, part), columns) for part in open_source(name, source)]
    return pl.concat(parts, how="diagonal")


def _with_columns(table: Table, frame: pl.LazyFrame) -> pl.LazyFrame:
    try:
        found = [column for column in frame.collect_schema() if column not in {ROW, SOURCE}]
    except (pl.exceptions.PolarsError, OSError) as error:
        raise TableUnusable(table.name, f"it cannot be read: {str(error).partition(chr(10))[0]}.") from None
    if not found:
        raise TableUnusable(table.name, "the source is empty, without even a header.")
    return frame
