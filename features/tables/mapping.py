"""From the source's columns to canonical ones: by name or by SQL expression, cast value by value."""

import polars as pl

from features.tables.casting import cast, stripped
from features.tables.errors import TableUnusable
from features.tables.expressions import DoesNotFit, Fitted, fitted
from features.tables.schema import Column, Kind, Table
from features.tables.sources import OVERFLOW, ROW, SOURCE
from settings.errors import SettingsError, first_line

RAW = "_raw_"


def canonical(table: Table, frame: pl.LazyFrame, columns: dict[str, str]) -> pl.LazyFrame:
    """Return the canonical columns that `frame` can give, with SOURCE, ROW and OVERFLOW.

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
    return _cast_all(list(sources), frame.select(ROW, SOURCE, overflow, *values, *failures))


def _cast_all(columns: list[Column], frame: pl.LazyFrame) -> pl.LazyFrame:
    schema = frame.collect_schema()
    typed = {c: cast(pl.col(c.name), schema[c.name], c.kind) for c in columns}
    raws = [_unread(c, schema[c.name], value) for c, value in typed.items() if c.kind is not Kind.TEXT]
    return frame.select(ROW, SOURCE, OVERFLOW, *(value.alias(c.name) for c, value in typed.items()), *raws)


def _unread(column: Column, source: pl.DataType, typed: pl.Expr) -> pl.Expr:
    """The cell that could not be read: on the way through an expression, or in the last cast."""
    cell = stripped(pl.col(column.name).cast(pl.String, strict=False))
    own = pl.when(typed.is_null()).then(cell) if source != pl.Boolean else pl.lit(None, pl.String)
    return pl.coalesce(RAW + column.name, own).alias(RAW + column.name)


def _source(table: Table, column: Column, mapped: str, schema: pl.Schema) -> Fitted:
    if mapped in schema:
        return Fitted(pl.col(mapped), pl.lit(None, pl.String))
    if mapped == column.name:
        raise TableUnusable(
            table.name, f"the column {mapped} is missing; found {_listed(schema)}. Name its source in [columns.{table.name}]."
        )
    said = f'{column.name} = "{mapped}"'
    try:
        expression = pl.sql_expr(mapped)
    except pl.exceptions.PolarsError as error:
        raise TableUnusable(
            table.name, f"{said} is neither a column ({_listed(schema)}) nor a SQL expression: {first_line(error)}."
        ) from None
    missing = [root for root in expression.meta.root_names() if root not in schema]
    if missing:
        raise TableUnusable(table.name, f"the column {missing[0]}, needed for {said}, is missing; found {_listed(schema)}.")
    try:
        return fitted(expression, column.kind, schema)
    except DoesNotFit as error:
        raise TableUnusable(table.name, f"{said} gives no {column.kind}: {first_line(error)}.") from None


def _listed(schema: pl.Schema) -> str:
    return ", ".join(name for name in schema if name not in {ROW, SOURCE, OVERFLOW}) or "no column"
