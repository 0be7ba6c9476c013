"""From the source's columns to canonical ones: by name or by SQL expression, cast value by value."""

import polars as pl

from features.tables.casting import cast, stripped
from features.tables.errors import TableUnusableError
from features.tables.expressions import ExpressionError, ParsedExpression, parse_expression
from features.tables.schema import Column, Kind, Table
from features.tables.sources import OVERFLOW, ROW, SOURCE
from settings.errors import SettingsError, first_line

RAW, CELL = "_raw_", "_cell_"
# Whether the cell that dates the row told its time zone; null where the cell is empty.
ZONED = "_zoned"
TELLS_ZONE = r"(?:Z|UTC|[+-]\d{2}:?\d{2})\s*$"
CANNOT_FAIL = {
    Kind.TIME: (pl.Datetime, pl.Date),
    Kind.NUMBER: (pl.Float64, pl.Float32, pl.Int64, pl.Int32, pl.Int16, pl.Int8, pl.UInt32, pl.UInt16, pl.UInt8),
    Kind.INTEGER: (pl.Int64, pl.Int32, pl.Int16, pl.Int8, pl.UInt32, pl.UInt16, pl.UInt8),
    Kind.FLAG: (pl.Boolean,),
}


def canonical(table: Table, frame: pl.LazyFrame, columns: dict[str, str]) -> pl.LazyFrame:
    """Return the canonical columns that `frame` can give, with SOURCE, ROW, OVERFLOW and ZONED.

    For each column that is not text, `_raw_<name>` holds the source's cell as text where it could not be
    read, else null. Raises TableUnusable when a required column is missing or an expression does not fit,
    SettingsError when `columns` names a column that the table does not have.
    """
    unknown = [name for name in columns if table.column(name) is None]
    if unknown:
        raise SettingsError(
            f"Unknown key columns.{table.name}.{unknown[0]}; the table has {', '.join(c.name for c in table.columns)}."
        )
    schema = frame.collect_schema()
    wanted = {c: columns.get(c.name, c.name) for c in table.columns if c.required or c.name in columns or c.name in schema}
    sources = {column: _source(table, column, mapped, schema) for column, mapped in wanted.items()}
    values = [source.value.alias(column.name) for column, source in sources.items()]
    failures = [source.unread.alias(RAW + column.name) for column, source in sources.items()]
    overflow = pl.col(OVERFLOW) if OVERFLOW in schema else pl.lit(None, pl.String).alias(OVERFLOW)
    return _cast_all(table, list(sources), frame.select(ROW, SOURCE, overflow, *values, *failures))


def _cast_all(table: Table, columns: list[Column], frame: pl.LazyFrame) -> pl.LazyFrame:
    """Strip, cast and look for what could not be read, each in a step of its own: what one found, the next need not again."""
    schema = frame.collect_schema()
    clean = [stripped(pl.col(c.name)).alias(c.name) for c in columns if schema[c.name] == pl.String]
    zoned = _zoned(table.known_from, schema.get(table.known_from, pl.Null())).alias(ZONED)
    typed = [cast(pl.col(c.name), schema[c.name], c.kind).alias(c.name) for c in columns]
    cells = [pl.col(c.name).alias(CELL + c.name) for c in columns if _may_fail(c, schema[c.name])]
    raws = [_unread(c, schema[c.name]) for c in columns if c.kind is not Kind.TEXT]
    return (
        frame.with_columns(clean)
        .with_columns(zoned, *typed, *cells)
        .with_columns(raws)
        .select(
            ROW, SOURCE, OVERFLOW, ZONED, *(c.name for c in columns), *(RAW + c.name for c in columns if c.kind is not Kind.TEXT)
        )
    )


def _may_fail(column: Column, source: pl.DataType) -> bool:
    return column.kind is not Kind.TEXT and source.base_type() not in CANNOT_FAIL[column.kind]


def _zoned(name: str, source: pl.DataType) -> pl.Expr:
    if source == pl.String:
        return pl.col(name).str.contains(TELLS_ZONE)
    told = isinstance(source, pl.Datetime) and source.time_zone is not None
    return pl.lit(told if isinstance(source, pl.Datetime) else None, pl.Boolean)


def _unread(column: Column, source: pl.DataType) -> pl.Expr:
    """The cell that could not be read: on the way through an expression, or in the last cast."""
    if not _may_fail(column, source):
        return pl.col(RAW + column.name)
    cell = pl.col(CELL + column.name)
    cell = cell if source == pl.String else stripped(cell.cast(pl.String, strict=False))
    own = pl.when(pl.col(column.name).is_null()).then(cell)
    return pl.coalesce(RAW + column.name, own).alias(RAW + column.name)


def _source(table: Table, column: Column, mapped: str, schema: pl.Schema) -> ParsedExpression:
    if mapped in schema:
        return ParsedExpression(pl.col(mapped), pl.lit(None, pl.String))
    if mapped == column.name:
        raise TableUnusableError(
            table.name,
            f"the column {mapped} is missing; found {_listed(schema)}. Name its source in [columns.{table.name}].",
            f"the column {mapped} is missing.",
        )
    said = f'{column.name} = "{mapped}"'
    try:
        expression = pl.sql_expr(mapped)
    except pl.exceptions.PolarsError as error:
        raise TableUnusableError(
            table.name,
            f"{said} is neither a column ({_listed(schema)}) nor a SQL expression: {first_line(error)}.",
            f"{said} is neither a column nor a SQL expression.",
        ) from None
    missing = [root for root in expression.meta.root_names() if root not in schema]
    if missing:
        raise TableUnusableError(
            table.name,
            f"the column {missing[0]}, needed for {said}, is missing; found {_listed(schema)}.",
            f"the column {missing[0]}, needed for {said}, is missing.",
        )
    try:
        return parse_expression(expression, column.kind, schema)
    except ExpressionError as error:
        raise TableUnusableError(
            table.name, f"{said} gives no {column.kind}: {first_line(error)}.", f"{said} gives no {column.kind}."
        ) from None


def _listed(schema: pl.Schema) -> str:
    return ", ".join(name for name in schema if name not in {ROW, SOURCE, OVERFLOW}) or "no column"
