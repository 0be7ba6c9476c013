"""Open the sources in `[tables]`: files, sheets, tables of a lake, SQL queries. Every row gets its source and row number."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import InvalidRequestError, SQLAlchemyError

from features.tables.csv_dialect import NotCsvError, read_dialect
from features.tables.csv_repair import repair
from features.tables.errors import TableUnusableError
from features.tables.found_files import PARQUET_SUFFIXES, FoundFile, find_files
from features.tables.lake_tables import find_lake_table
from features.tables.object_stores import ObjectStoreError
from features.tables.workbooks import SUFFIXES as WORKBOOK_SUFFIXES
from features.tables.workbooks import WorkbookError, read_sheets
from settings.errors import first_line
from settings.sections import FileSource, Source, SqlQuery
from settings.urls import hide_credentials

SOURCE = "_source"
ROW = "_row"
# The first cell of a CSV row beyond its header. In such a row, cells may be in the wrong columns.
OVERFLOW = "_overflow"
BATCH_ROWS = 200_000


@dataclass(frozen=True)
class SourceFile:
    """One file, a sheet, or a query: its short name and its rows, with SOURCE and ROW.

    `is_empty_file`: the file has zero bytes.
    """

    name: str
    rows: pl.LazyFrame
    is_empty_file: bool = False


def open_source(table: str, source: Source) -> list[SourceFile]:
    """Return the files of a source, sorted by name, with their sheets; one for a query.

    ROW counts from 1, header excluded. Columns of CSV files and workbooks are all text. Raises TableUnusableError when there is
    no file, or when a file or the query cannot be read.
    """
    try:
        if isinstance(source, SqlQuery):
            return [SourceFile("query", _with_position(_read_query(source), "query"))]
        files = source if isinstance(source, FileSource) else FileSource(source)
        if (lake := find_lake_table(files.file)) is not None:
            name = Path(files.file).name
            return [SourceFile(name, _with_position(lake.scan(table), name))]
        return [file for found in find_files(table, files.file) for file in _open_file(table, found, files)]
    except ObjectStoreError as error:
        public = f"{_display_name(source)} cannot be read."
        raise TableUnusableError(table, f"{files.file} cannot be read: {error}.", public) from None
    except (pl.exceptions.PolarsError, OSError) as error:
        public = f"{_display_name(source)} cannot be read."
        raise TableUnusableError(table, f"{_display_name(source)} cannot be read: {first_line(error)}.", public) from None
    except (SQLAlchemyError, ModuleNotFoundError) as error:
        public = f"the query on {_display_name(source)} failed."
        raise TableUnusableError(table, f"the query on {_display_name(source)} failed: {first_line(error)}.", public) from None


def _open_file(table: str, file: FoundFile, files: FileSource) -> list[SourceFile]:
    name = file.name
    try:
        if file.suffix in PARQUET_SUFFIXES:
            rows = pl.scan_parquet(file.place, glob=False, hive_partitioning=file.is_partition)
            return [SourceFile(name, _with_position(rows, name))]
        if file.suffix in WORKBOOK_SUFFIXES:
            sheets = read_sheets(file.local(), files.sheet, files.skip_lines)
            return [SourceFile(place, _with_position(rows, place)) for place, rows in _places(name, sheets).items()]
        return [SourceFile(name, _with_position(_scan_csv(file.local(), files), name), file.size == 0)]
    except (NotCsvError, WorkbookError) as error:
        raise TableUnusableError(table, f"{name} cannot be read: {error}.") from None


def _places(name: str, sheets: dict[str, pl.LazyFrame]) -> dict[str, pl.LazyFrame]:
    return {name if len(sheets) == 1 else f"{name}/{sheet}": rows for sheet, rows in sheets.items()}


def _display_name(source: Source) -> str:
    """Return the name of a source for messages, without a password."""
    if not isinstance(source, SqlQuery):
        return Path(source.file if isinstance(source, FileSource) else source).name
    return hide_credentials(source.url) if "://" in source.url else "the database"


def _scan_csv(path: Path, files: FileSource) -> pl.LazyFrame:
    if path.stat().st_size == 0:
        return pl.LazyFrame()
    dialect = read_dialect(path, files.encoding, files.skip_lines)
    options: dict[str, Any] = {
        "encoding": "utf8-lossy",
        "separator": dialect.separator,
        "eol_char": dialect.line_end,
        "quote_char": '"' if dialect.has_quotes else None,
        "glob": False,
        "infer_schema": False,
        "truncate_ragged_lines": True,
    }
    header = pl.scan_csv(dialect.source, **options).collect_schema().names()
    repaired = repair(dialect, len(header)) if dialect.has_quotes else None
    columns = dict.fromkeys([*header, OVERFLOW], pl.String())
    options |= {"eol_char": "\n"} if repaired else {}
    return pl.scan_csv(repaired or dialect.source, schema=columns, missing_columns="insert", **options)


def _read_query(source: SqlQuery) -> pl.LazyFrame:
    url = make_url(source.url)
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).is_file():
        raise InvalidRequestError("there is no such file")
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            cursor = connection.execution_options(stream_results=True).exec_driver_sql(source.query)
            if not cursor.returns_rows:
                raise InvalidRequestError("it returns no rows")
            names = list(cursor.keys())
            frames = [_to_frame(names, rows) for rows in cursor.partitions(BATCH_ROWS)]
    finally:
        engine.dispose()
    return pl.concat(frames, how="vertical_relaxed").lazy() if frames else pl.LazyFrame(schema=names)


def _to_frame(names: list[str], rows: Sequence[sa.Row[Any]]) -> pl.DataFrame:
    """Build a frame column by column; a column of mixed types, which SQLite allows, becomes text."""
    return pl.DataFrame([_to_series(name, values) for name, values in zip(names, zip(*rows, strict=True), strict=True)])


def _to_series(name: str, values: tuple[object, ...]) -> pl.Series:
    try:
        return pl.Series(name, values, strict=True)
    except TypeError:
        return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)


def _with_position(frame: pl.LazyFrame, name: str) -> pl.LazyFrame:
    return frame.with_row_index(ROW, offset=1).with_columns(pl.lit(name).alias(SOURCE))
