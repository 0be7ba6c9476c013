"""SQL expressions over source columns, made lenient: a bad cell becomes null instead of stopping the load.

Polars' SQL offers TRY_CAST for this and nothing else, but its expressions have flags. They are set on the expression's JSON
form, and text columns are read as numbers there. `cross_row_part` first refuses every node that this code does not know.
"""

import json
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import polars as pl

from features.tables.casting import DATE_TIME_FORMATS, as_number, strip_text
from features.tables.elementwise import cross_row_part
from features.tables.schema import Kind
from features.tables.unread import from_json, to_json, unread_cell
from settings.errors import first_line

TIMES: dict[str, pl.DataType] = {  # by type in Polars' JSON
    json.dumps({"Literal": "Date"}): pl.Date(),
    json.dumps({"Literal": {"Datetime": ["Microseconds", None]}}): pl.Datetime("us"),
}


class ExpressionError(Exception):
    """The expression uses other rows, or cannot have the type of its column. The text says why and what to do."""


@dataclass(frozen=True)
class ParsedExpression:
    """An expression ready to use: its `value`, and in `unread` the cell that it needed and could not read (`unread_cell`)."""

    value: pl.Expr
    unread: pl.Expr


def parse_expression(expression: pl.Expr, kind: Kind, schema: pl.Schema) -> ParsedExpression:
    """Return `expression` with the type of `kind`, reading as few text columns as possible as numbers.

    CSV cells are text, so `Quantity * Price` needs both as numbers, `CASE WHEN Type = 'return' THEN -Price ELSE Price END`
    only the price. The choice depends on types alone, never on the data. Raises ExpressionError when no choice gives the type,
    or when a part of the expression is not known to use one row only.
    """
    part = cross_row_part(expression)
    if part:
        raise ExpressionError(
            f"it uses {part}, which is not known to look at its own row only; "
            "compute the column in the source, or with a query in [tables]"
        )
    text_columns = [root for root in expression.meta.root_names() if schema[root] == pl.String]
    reason = ""
    for size in range(len(text_columns) + 1):
        for numeric in combinations(text_columns, size):
            try:
                candidate = _make_lenient(expression, numeric, schema)
                dtype = pl.LazyFrame(schema=schema).select(candidate.value.alias("value")).collect_schema()["value"]
            except pl.exceptions.PolarsError as error:
                reason = first_line(error)
                continue
            if _fits(dtype, kind):
                return candidate
            reason = f"its type is {dtype}"
    raise ExpressionError(reason)


def _make_lenient(expression: pl.Expr, numeric: tuple[str, ...], schema: pl.Schema) -> ParsedExpression:
    """Read the `numeric` columns as numbers, and turn the strict casts and date formats of the expression into lenient ones."""
    cells = {name: strip_text(pl.col(name)) for name in numeric}
    numbers = {name: to_json(as_number(cell, pl.String())) for name, cell in cells.items()}
    conversions = {id(numbers[name]): to_json(cell) for name, cell in cells.items()}

    def rewrite(node: dict[str, Any]) -> object:
        if node.keys() == {"Column"} and node["Column"] in numbers:
            return numbers[node["Column"]]
        if node.get("strict") is True:
            node["strict"] = False
        cast, call = node.get("Cast"), node.get("Function")
        if isinstance(cast, dict) and json.dumps(cast["dtype"]) in TIMES and _is_text(cast["expr"], schema):
            node = to_json(_iso_time(from_json(cast["expr"]), TIMES[json.dumps(cast["dtype"])]))
        if isinstance(cast, dict) and cast["options"] == "Strict":  # TRY_CAST may give null
            cast["options"] = "NonStrict"
            conversions[id(node)] = cast["expr"]
        if isinstance(call, dict) and "Strptime" in json.dumps(call["function"]):
            conversions[id(node)] = call["input"][0]
        return node

    tree = json.loads(expression.meta.serialize(format="json"), object_hook=rewrite)
    return ParsedExpression(from_json(tree), unread_cell(tree, conversions))


def _is_text(tree: object, schema: pl.Schema) -> bool:
    return pl.LazyFrame(schema=schema).select(from_json(tree).alias("value")).collect_schema()["value"] == pl.String


def _iso_time(text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return the dates and times of texts in ISO 8601 without a zone; Polars casts no text to them."""
    times = [text.str.to_datetime(time_format, time_unit="us", strict=False) for time_format in DATE_TIME_FORMATS]
    days = text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
    return pl.coalesce(*times, days).cast(dtype)


def _fits(dtype: pl.DataType, kind: Kind) -> bool:
    if kind in {Kind.NUMBER, Kind.INTEGER}:
        return dtype.is_numeric()
    if kind is Kind.FLAG:
        return dtype in {pl.Boolean, pl.String} or dtype.is_integer()
    return True
