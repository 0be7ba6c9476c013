"""SQL expressions over source columns, made lenient: a bad cell becomes null instead of stopping the load.

Polars' SQL offers TRY_CAST for this and nothing else, but its expressions have flags. They are set on the expression's JSON
form, and text columns are read as numbers there. `cross_row_part` first refuses every node that this code does not know.
"""

import io
import json
import warnings
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import polars as pl

from features.tables.casting import as_number, strip_text
from features.tables.elementwise import cross_row_part
from features.tables.schema import Kind
from settings.errors import first_line


class ExpressionError(Exception):
    """The expression uses other rows, or cannot have the type of its column. The text says why and what to do."""


@dataclass(frozen=True)
class ParsedExpression:
    """An expression ready to use: its `value`, and in `unread` the text of the first cell that could not be read, else null."""

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
            candidate = _make_lenient(expression, numeric)
            try:
                dtype = pl.LazyFrame(schema=schema).select(candidate.value.alias("value")).collect_schema()["value"]
            except pl.exceptions.PolarsError as error:
                reason = first_line(error)
                continue
            if _fits(dtype, kind):
                return candidate
            reason = f"its type is {dtype}"
    raise ExpressionError(reason)


def _make_lenient(expression: pl.Expr, numeric: tuple[str, ...]) -> ParsedExpression:
    """Read the `numeric` columns as numbers, and turn the strict casts and date formats of the expression into lenient ones."""
    cells = {name: strip_text(pl.col(name)) for name in numeric}
    numbers = {name: _to_json(as_number(cell, pl.String())) for name, cell in cells.items()}
    conversions = [(_to_json(cell), numbers[name]) for name, cell in cells.items()]

    def rewrite(node: dict[str, Any]) -> object:
        if node.keys() == {"Column"} and node["Column"] in numbers:
            return numbers[node["Column"]]
        if node.get("options") == "Strict":
            node["options"] = "NonStrict"
            conversions.append((node["expr"], {"Cast": node}))
        if "function" in node and "Strptime" in json.dumps(node["function"]):
            conversions.append((node["input"][0], {"Function": node}))
        if node.get("strict") is True:
            node["strict"] = False
        return node

    value = _from_json(json.loads(expression.meta.serialize(format="json"), object_hook=rewrite))
    unread = [_unread_text(_from_json(cell), _from_json(result)) for cell, result in conversions]
    return ParsedExpression(value, pl.coalesce(*unread, pl.lit(None, pl.String)))


def _unread_text(cell: pl.Expr, result: pl.Expr) -> pl.Expr:
    text = strip_text(cell.cast(pl.String, strict=False))
    return pl.when(result.is_null()).then(text)


def _to_json(expression: pl.Expr) -> object:
    return json.loads(expression.meta.serialize(format="json"))


def _from_json(tree: object) -> pl.Expr:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Polars warns that the JSON does not outlive its version; this one lives a moment
        return pl.Expr.deserialize(io.StringIO(json.dumps(tree)), format="json")


def _fits(dtype: pl.DataType, kind: Kind) -> bool:
    if kind in {Kind.NUMBER, Kind.INTEGER}:
        return dtype.is_numeric()
    if kind is Kind.FLAG:
        return dtype in {pl.Boolean, pl.String} or dtype.is_integer()
    return True
