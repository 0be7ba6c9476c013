"""What a mapping of columns cannot say: which rows count, and cells that stand on the first line of an order only."""

from collections.abc import Sequence

import polars as pl

from features.tables.casting import strip_text
from features.tables.errors import TableUnusableError
from features.tables.expressions import ExpressionError, parse_expression
from features.tables.schema import Kind
from settings.errors import first_line

LEFT_OUT = "_left_out"


def fill_down(table: str, frame: pl.LazyFrame, columns: Sequence[str], order: str) -> pl.LazyFrame:
    """Return the rows of a file with empty cells of `columns` filled from the lines above of the same order.

    `order` is the source column of the order's id. If it is one of `columns`, it is filled first, from the line above. Raises
    TableUnusableError for a column that the source does not have.
    """
    schema = frame.collect_schema()
    missing = [name for name in (order, *columns) if name not in schema]
    if missing:
        found = ", ".join(name for name in schema if not name.startswith("_"))
        raise TableUnusableError(table, f"fill_down needs the column {missing[0]}, which is missing; found {found}.")
    cells = {name: strip_text(pl.col(name)) if schema[name] == pl.String else pl.col(name) for name in (order, *columns)}
    numbered = frame.with_columns(cells[order].forward_fill().alias(order)) if order in columns else frame
    return numbered.with_columns(cells[name].forward_fill().over(order).alias(name) for name in columns if name != order)


def with_left_out(table: str, frame: pl.LazyFrame, where: str) -> pl.LazyFrame:
    """Add `_left_out`: whether the SQL condition `where` over the columns of the source is not true for a row.

    Raises TableUnusableError for a condition that cannot be used.
    """
    schema = frame.collect_schema()
    try:
        condition = parse_expression(pl.sql_expr(where), Kind.FLAG, schema).value
        dtype = frame.select(condition.alias(LEFT_OUT)).collect_schema()[LEFT_OUT]
    except KeyError as error:
        raise TableUnusableError(table, f'where = "{where}" needs the column {error.args[0]}, which is missing.') from None
    except (pl.exceptions.PolarsError, ExpressionError) as error:
        raise TableUnusableError(table, f'where = "{where}" is no condition on its rows: {first_line(error)}.') from None
    if dtype != pl.Boolean:
        raise TableUnusableError(table, f'where = "{where}" is no condition on its rows: its type is {dtype}.')
    return frame.with_columns((~condition.fill_null(value=False)).alias(LEFT_OUT))
