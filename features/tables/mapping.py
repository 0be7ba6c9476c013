"""Map the columns of a source to canonical ones: by name or by SQL expression, cast value by value."""

import polars as pl

from features.tables.casting import cast, strip_text
from features.tables.errors import TableUnusableError
from features.tables.expressions import ExpressionError, ParsedExpression, parse_expression
from features.tables.schema import Column, Kind, Table
from features.tables.selection import LEFT_OUT
from features.tables.sources import OVERFLOW, ROW, SOURCE
from settings.errors import SettingsError, first_line

RAW, CELL = "_raw_", "_cell_"
# Whether the cell that dates the row has a time zone; null where the cell is empty.
ZONED = "_zoned"
ZONE_PATTERN = r"(?:Z|UTC|[+-]\d{2}:?\d{2})\s*$"
SAFE_CASTS = {  # per kind, the source types of which every value can be cast
    Kind.TIME: (pl.Datetime, pl.Date),
    Kind.NUMBER: (pl.Float64, pl.Float32, pl.Int64, pl.Int32, pl.Int16, pl.Int8, pl.UInt32, pl.UInt16, pl.UInt8),
    Kind.INTEGER: (pl.Int64, pl.Int32, pl.Int16, pl.Int8, pl.UInt32, pl.UInt16, pl.UInt8),
    Kind.FLAG: (pl.Boolean,),
}


def map_columns(table: Table, frame: pl.LazyFrame, columns: dict[str, str], time_zone: str = "UTC") -> pl.LazyFrame:
    """Return the canonical columns that `frame` has a source for, with SOURCE, ROW, OVERFLOW and ZONED.

    For each column that is not text, `_raw_<name>` holds the source's cell as text where it could not be read, else null.
    Raises TableUnusableError when a required column is missing or an expression cannot be used, SettingsError when `columns`
    names a column that the table does not have. The table's details are mapped only where `columns` names them. Times are those
    of `time_zone`.
    """
    unknown = [name for name in columns if table.column(name) is None]
    if unknown:
        raise SettingsError(
            f"Unknown key columns.{table.name}.{unknown[0]}; the table has {', '.join(c.name for c in table.columns)}."
        )
    schema = frame.collect_schema()
    by_name = set(schema.names()).difference(table.details)
    mapping = {c: columns.get(c.name, c.name) for c in table.columns if c.required or c.name in columns or c.name in by_name}
    sources = {column: _parse_source(table, column, source, schema) for column, source in mapping.items()}
    values = [source.value.alias(column.name) for column, source in sources.items()]
    unread = [source.unread.alias(RAW + column.name) for column, source in sources.items()]
    overflow = pl.col(OVERFLOW) if OVERFLOW in schema else pl.lit(None, pl.String).alias(OVERFLOW)
    left_out = [LEFT_OUT] if LEFT_OUT in schema else []
    return _cast_all(table, list(sources), frame.select(ROW, SOURCE, overflow, *left_out, *values, *unread), time_zone)


def _cast_all(table: Table, columns: list[Column], frame: pl.LazyFrame, time_zone: str) -> pl.LazyFrame:
    """Strip, cast and collect unreadable cells, each in its own step, so that no step repeats the work of another."""
    schema = frame.collect_schema()
    left_out = [LEFT_OUT] if LEFT_OUT in schema else []
    stripped = [strip_text(pl.col(c.name)).alias(c.name) for c in columns if schema[c.name] == pl.String]
    zoned = _zone_flag(table.known_from, schema.get(table.known_from, pl.Null())).alias(ZONED)
    typed = [cast(pl.col(c.name), schema[c.name], c.kind, time_zone).alias(c.name) for c in columns]
    cells = [pl.col(c.name).alias(CELL + c.name) for c in columns if _may_fail(c, schema[c.name])]
    raws = [_unread_cell(c, schema[c.name]) for c in columns if c.kind is not Kind.TEXT]
    return (
        frame.with_columns(stripped)
        .with_columns(zoned, *typed, *cells)
        .with_columns(raws)
        .select(
            ROW,
            SOURCE,
            OVERFLOW,
            ZONED,
            *left_out,
            *(c.name for c in columns),
            *(RAW + c.name for c in columns if c.kind is not Kind.TEXT),
        )
    )


def _may_fail(column: Column, source: pl.DataType) -> bool:
    return column.kind is not Kind.TEXT and source.base_type() not in SAFE_CASTS[column.kind]


def _zone_flag(name: str, source: pl.DataType) -> pl.Expr:
    if source == pl.String:
        return pl.col(name).str.contains(ZONE_PATTERN)
    has_zone = source.time_zone is not None if isinstance(source, pl.Datetime) else None
    return pl.lit(has_zone, pl.Boolean)


def _unread_cell(column: Column, source: pl.DataType) -> pl.Expr:
    """Return the cell that could not be read, either in an expression or in the final cast."""
    if not _may_fail(column, source):
        return pl.col(RAW + column.name)
    cell = pl.col(CELL + column.name)
    cell = cell if source == pl.String else strip_text(cell.cast(pl.String, strict=False))
    own = pl.when(pl.col(column.name).is_null()).then(cell)
    return pl.coalesce(RAW + column.name, own).alias(RAW + column.name)


def _parse_source(table: Table, column: Column, source: str, schema: pl.Schema) -> ParsedExpression:
    if source in schema:
        return ParsedExpression(pl.col(source), pl.lit(None, pl.String))
    if source == column.name:
        raise TableUnusableError(
            table.name,
            f"the column {source} is missing; found {_list_columns(schema)}. Name its source in [columns.{table.name}].",
            f"the column {source} is missing.",
        )
    entry = f'{column.name} = "{source}"'
    try:
        expression = pl.sql_expr(source)
    except pl.exceptions.PolarsError as error:
        raise TableUnusableError(
            table.name,
            f"{entry} is neither a column ({_list_columns(schema)}) nor a SQL expression: {first_line(error)}.",
            f"{entry} is neither a column nor a SQL expression.",
        ) from None
    missing = [root for root in expression.meta.root_names() if root not in schema]
    if missing:
        raise TableUnusableError(
            table.name,
            f"the column {missing[0]}, needed for {entry}, is missing; found {_list_columns(schema)}.",
            f"the column {missing[0]}, needed for {entry}, is missing.",
        )
    try:
        return parse_expression(expression, column.kind, schema)
    except ExpressionError as error:
        raise TableUnusableError(
            table.name, f"{entry} does not give a {column.kind}: {first_line(error)}.", f"{entry} does not give a {column.kind}."
        ) from None


def _list_columns(schema: pl.Schema) -> str:
    return ", ".join(name for name in schema if name not in {ROW, SOURCE, OVERFLOW, LEFT_OUT}) or "no column"
