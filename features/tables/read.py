"""Read one input table from its configured source, with canonical columns."""

from dataclasses import dataclass

import polars as pl

from features.tables.errors import TableUnusableError
from features.tables.joined_files import with_joined_files
from features.tables.mapping import map_columns
from features.tables.schema import SOURCE_TABLES, Table
from features.tables.selection import fill_down, with_left_out
from features.tables.sources import OVERFLOW, ROW, SOURCE, SourceFile, open_source
from features.tables.words import with_normalised_words
from settings.errors import SettingsError, first_line
from settings.sections import FileSource, Settings, SqlQuery

ORDER_ID = "order_id"
DUPLICATE_SUFFIX = "_duplicated_0"  # Polars adds it to the second column of a name


@dataclass(frozen=True)
class RawTable:
    """The rows of a table, good and bad, with `_source`, `_row`, `_zoned` and `_raw_<column>`, and the names of their files.

    Of rows with the same `key`, the newest version counts; without a key, every row does.
    """

    rows: pl.LazyFrame
    files: list[str]
    key: tuple[str, ...] = ()


def read_table(settings: Settings, name: str) -> RawTable | None:
    """Return a table as its source has it; None where no source is configured.

    Empty files are skipped if others have rows. Raises TableUnusableError when the table cannot be read at all.
    """
    source = getattr(settings.tables, name)
    if source is None:
        return None
    table, columns = SOURCE_TABLES[name], getattr(settings.columns, name)
    files = open_source(name, source)
    non_empty = [file for file in files if not file.is_empty_file] or files
    zone = settings.workspace.time_zone
    options = FileSource(source) if isinstance(source, str) else source
    rows = pl.concat([_read_file(table, file, columns, zone, options) for file in non_empty], how="diagonal")
    key = _check_key(table, options.key, rows)
    return RawTable(with_normalised_words(rows) if options.normalise else rows, [file.name for file in files], key)


def _check_key(table: Table, key: tuple[str, ...], rows: pl.LazyFrame) -> tuple[str, ...]:
    """Return the key. Raises SettingsError for a column that the table does not have or whose source is missing."""
    columns = [column.name for column in table.columns if column.name in rows.collect_schema()]
    unknown = [name for name in key if name not in columns]
    if unknown:
        raise SettingsError(f"tables.{table.name}.key names {unknown[0]}; the table has {', '.join(columns)}.")
    return key


def _read_file(
    table: Table, file: SourceFile, columns: dict[str, str], time_zone: str, options: FileSource | SqlQuery
) -> pl.LazyFrame:
    try:
        rows = _check_header(table, file.rows)
        if options.fill_down:
            rows = fill_down(table.name, rows, options.fill_down, columns.get(ORDER_ID, ORDER_ID))
        if isinstance(options, FileSource) and options.join:
            rows = with_joined_files(table.name, rows, options.join)
        if options.where is not None:
            rows = with_left_out(table.name, rows, options.where)
        return map_columns(table, rows, columns, time_zone)
    except TableUnusableError as error:
        sentences = (f"{sentence.rstrip('.')} (in {file.name})." for sentence in (error.sentence, error.public))
        raise TableUnusableError(table.name, *sentences) from None


def _check_header(table: Table, frame: pl.LazyFrame) -> pl.LazyFrame:
    try:
        columns = [column for column in frame.collect_schema() if column not in {ROW, SOURCE, OVERFLOW}]
    except (pl.exceptions.PolarsError, OSError) as error:
        raise TableUnusableError(table.name, f"it cannot be read: {first_line(error)}.", "it cannot be read.") from None
    duplicates = [column.removesuffix(DUPLICATE_SUFFIX) for column in columns if column.endswith(DUPLICATE_SUFFIX)]
    if duplicates:
        raise TableUnusableError(table.name, f"the column {duplicates[0]} appears twice in the header; remove one of the two.")
    if not columns:
        raise TableUnusableError(table.name, "the source is empty, without even a header.")
    return frame
