"""Read the header and some rows of a file, of a sheet, or of a table in a database, and detect how it is written."""

import codecs
import re
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from features.tables.casting import strip_text
from features.tables.csv_dialect import SEPARATORS
from features.tables.errors import TableUnusableError
from features.tables.found_files import PARQUET_SUFFIXES
from features.tables.sources import OVERFLOW, ROW, SOURCE, open_source
from features.tables.workbooks import SUFFIXES, WorkbookError, sheet_names
from holdfast.exports.header_words import names_for
from settings.errors import UserError, first_line
from settings.sections import FileSource, SqlQuery
from settings.urls import hide_credentials, remember_secrets

ROWS, DATABASE_ROWS = 300_000, 50_000
# A table of a database is looked into if the names of two of its columns fit such roles.
ROLES_OF_INTEREST = (
    "customer_id",
    "order_id",
    "ordered_at",
    "amount",
    "line_amount",
    "price",
    "product_id",
    "category",
    "status",
)
LEAST_COLUMNS = 2
HEADER_LINES = 30
HEAD_BYTES = 1 << 20
FALLBACK_ENCODING = "cp1252"
LEAST_CELLS = 3
DATA = re.compile(r"\s*-?\d[\d.,:/ T-]*(?:_duplicated_\d+)?")  # the name of a column that is a number or a date


class ExportError(UserError):
    """A file or database that cannot be read as an export; the text says what was found and what to do."""


@dataclass(frozen=True)
class Sample:
    """The first rows of a source: `cells` has its columns as text, stripped, empty ones null.

    `name` is the file's name, with the sheet, or the table's name. `stem` is the prefix of joined columns. `file` and `options`
    are what a configuration needs to read it; for a table of a database, `url` and `table`. The columns `typed` are not text
    there.
    """

    name: str
    stem: str
    cells: pl.DataFrame
    file: Path | None = None
    url: str | None = None
    table: str | None = None
    typed: frozenset[str] = frozenset()
    options: dict[str, str | int] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """The names of its columns."""
        return self.cells.columns

    @property
    def is_partial(self) -> bool:
        """Whether there may be more rows than were read."""
        return self.cells.height >= (ROWS if self.url is None else DATABASE_ROWS)


def read_samples(places: list[str]) -> list[Sample]:
    """Return the samples of all files, sheets and database tables. Raises ExportError for one that cannot be read or is empty."""
    return [sample for place in places for sample in (_database(place) if "://" in place else _file(Path(place)))]


def _file(path: Path) -> list[Sample]:
    if not path.is_file():
        raise ExportError(f"There is no file {path}.")
    try:
        if path.suffix.lower() in SUFFIXES:
            names = sheet_names(path)
            options: list[dict[str, str | int]] = [{"sheet": name} if len(names) > 1 else {} for name in names]
            sheets = [sample for each in options if (sample := _sheet(path, each)) is not None]
            if not sheets:
                raise ExportError(f"{path.name} has no rows.")
            return sheets
        return [_sample(path, {} if path.suffix.lower() in PARQUET_SUFFIXES else _csv_options(path))]
    except WorkbookError as error:
        raise ExportError(f"{path.name} cannot be read: {error}.") from None


def _sheet(path: Path, options: dict[str, str | int]) -> Sample | None:
    """Return a sheet; None if it has no table."""
    head = open_source("transactions", FileSource(str(path), sheet=_sheet_option(options)))[0].rows.head(HEADER_LINES).collect()
    names = [name for name in head.columns if name not in {ROW, SOURCE}]
    if len(names) < LEAST_CELLS or head.is_empty():
        return None
    lines = [names, *(["" if cell is None else str(cell) for cell in row] for row in head.select(names).rows())]
    skipped = _header_index([[cell for cell in line if cell and not cell.startswith("__UNNAMED__")] for line in lines])
    return _sample(path, options | ({"skip_lines": skipped} if skipped else {}))


def _sheet_option(options: dict[str, str | int]) -> str | None:
    sheet = options.get("sheet")
    return None if sheet is None else str(sheet)


def _sample(path: Path, options: dict[str, str | int]) -> Sample:
    try:
        rows = open_source("transactions", FileSource(str(path), **options))[0].rows.head(ROWS).collect()  # type: ignore[arg-type]
    except (TableUnusableError, pl.exceptions.PolarsError) as error:
        text = error.sentence if isinstance(error, TableUnusableError) else first_line(error)
        raise ExportError(
            f"{path.name} cannot be read: {text.removeprefix(f'{path.name} cannot be read: ').rstrip('.')}."
        ) from None
    cells = _as_text(rows.drop(ROW, SOURCE, OVERFLOW, strict=False))
    if not cells.columns or cells.is_empty():
        raise ExportError(f"{path.name} has no rows.")
    if sum(DATA.fullmatch(name) is not None for name in cells.columns) > 1:
        raise ExportError(
            f"{path.name} has no header: its first line holds data. Add a line with the names of the columns before it."
        )
    sheet = _sheet_option(options)
    name = path.name if sheet is None else f"{path.name}/{sheet}"
    return Sample(name, path.stem, cells, file=path, typed=_typed(rows), options=options)


def _typed(rows: pl.DataFrame) -> frozenset[str]:
    return frozenset(name for name, dtype in rows.schema.items() if dtype != pl.String)


def _as_text(rows: pl.DataFrame) -> pl.DataFrame:
    plain = [name for name, dtype in rows.schema.items() if not dtype.is_nested() and dtype != pl.Binary]
    return rows.select(strip_text(pl.col(name).cast(pl.String, strict=False)).alias(name) for name in plain)


def _csv_options(path: Path) -> dict[str, str | int]:
    """Return the encoding and the number of lines before the header, where they are not the defaults."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    options: dict[str, str | int] = {}
    if not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, b"\x1f\x8b")):
        if not _is_utf_8(path):
            options["encoding"] = FALLBACK_ENCODING
        lines = head.decode(str(options.get("encoding", "utf-8")), errors="replace").splitlines()[:HEADER_LINES]
        lines = lines[1:] if lines and lines[0].lower().lstrip('\ufeff"').startswith("sep=") else lines
        separator = max(SEPARATORS, key=lambda candidate: sum(line.count(candidate) for line in lines))
        skipped = _header_index([[cell for cell in line.split(separator) if cell.strip(' "')] for line in lines])
        if skipped:
            options["skip_lines"] = skipped
    return options


def _is_utf_8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while chunk := file.read(HEAD_BYTES):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _header_index(lines: list[list[str]]) -> int:
    """Return the index of the header: the first line of words with about as many cells as the widest of the first lines."""
    widest = max((len(line) for line in lines), default=0)
    if widest < LEAST_CELLS:
        return 0
    return next((index for index, line in enumerate(lines) if len(line) >= 0.75 * widest and not _has_numbers(line)), 0)


def _has_numbers(line: list[str]) -> bool:
    return any(cell.strip(' "').replace(".", "").replace(",", "").isdigit() for cell in line)


def _database(url: str) -> list[Sample]:
    """Return the tables of a database that may hold orders or what belongs to them, by the names of their columns."""
    remember_secrets(url)
    try:
        tables = _tables_of_interest(url)
    except (sa.exc.SQLAlchemyError, ModuleNotFoundError, ValueError) as error:
        raise ExportError(f"The database {hide_credentials(url)} cannot be read: {first_line(error)}.") from None
    samples = [sample for table in tables if (sample := _table(url, table)) is not None]
    if not samples:
        raise ExportError(f"The database {hide_credentials(url)} has no table with rows that could be orders.")
    return samples


def _tables_of_interest(url: str) -> list[str]:
    engine = sa.create_engine(url)
    try:
        inspector = sa.inspect(engine)
        names = [*inspector.get_table_names(), *inspector.get_view_names()]
        columns = {name: [str(column["name"]) for column in inspector.get_columns(name)] for name in names}
    finally:
        engine.dispose()
    fitting = {name: {column for role in ROLES_OF_INTEREST for column in names_for(role, columns[name])} for name in names}
    return [name for name in names if len(fitting[name]) >= LEAST_COLUMNS]


def _table(url: str, table: str) -> Sample | None:
    """Return a table of a database; None if it has no rows."""
    quoted = sa.make_url(url).get_dialect()().identifier_preparer.quote_identifier(table)
    query = SqlQuery(url, f"select * from {quoted} limit {DATABASE_ROWS}")  # noqa: S608  # the name is the database's own, quoted
    rows = open_source("transactions", query)[0].rows.collect()
    cells = _as_text(rows.drop(ROW, SOURCE, OVERFLOW, strict=False))
    return Sample(table, table, cells, url=url, table=table, typed=_typed(rows)) if cells.height and cells.columns else None
