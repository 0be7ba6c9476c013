"""SQL expressions over source columns, made lenient: a bad cell gives null instead of stopping the load.

Polars' SQL has no spelling for that beyond TRY_CAST, but its expressions have. The flag is set, and text
columns are read as numbers, on the expression's JSON form.
"""

import io
import json
import warnings
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import polars as pl

from features.tables.casting import as_number, stripped
from features.tables.schema import Kind
from settings.errors import first_line

# Nodes of Polars expressions that see other rows: what a row means must not depend on later ones.
BEYOND_A_ROW = ("Agg", "Over", "Len", "Window", "Sort", "SortBy")


class ExpressionError(Exception):  # noqa: N818  # it names what happened
    """No reading of the text columns gives the expression the type that is wanted."""


@dataclass(frozen=True)
class ParsedExpression:
    """An expression ready to use, and the text of the first cell in it that could not be read, else null."""

    value: pl.Expr
    unread: pl.Expr


def parse_expression(expression: pl.Expr, kind: Kind, schema: pl.Schema) -> ParsedExpression:
    """Return `expression` with the fewest text columns read as numbers so that it has the type of `kind`.

    CSV cells are text, so `Quantity * Price` needs both as numbers, `CASE WHEN Type = 'return' THEN
    -Price ELSE Price END` only the price. The choice depends on types alone, never on the data.
    Raises DoesNotFit when no choice does.
    """
    if looks_beyond_a_row(expression):
        raise ExpressionError("it looks at more than its own row")
    texts = [root for root in expression.meta.root_names() if schema[root] == pl.String]
    reason = f"it is no {kind}"
    for size in range(len(texts) + 1):
        for numbers in combinations(texts, size):
            candidate = _rewritten(expression, numbers)
            try:
                found = pl.LazyFrame(schema=schema).select(candidate.value.alias("value")).collect_schema()["value"]
            except pl.exceptions.PolarsError as error:
                reason = first_line(error)
                continue
            if _fits(found, kind):
                return candidate
    raise ExpressionError(reason)


def looks_beyond_a_row(expression: pl.Expr) -> bool:
    """Whether the value for a row depends on other rows: sums, windows, sorting."""
    written = expression.meta.serialize(format="json")
    return any(f'"{kind_of_node}"' in written for kind_of_node in BEYOND_A_ROW)


def _rewritten(expression: pl.Expr, numbers: tuple[str, ...]) -> ParsedExpression:
    cells = {name: stripped(pl.col(name)) for name in numbers}
    read = {name: _to_json(as_number(cell, pl.String())) for name, cell in cells.items()}
    attempts = [(_to_json(cell), read[name]) for name, cell in cells.items()]

    def rewrite(node: dict[str, Any]) -> object:
        if node.keys() == {"Column"} and node["Column"] in read:
            return read[node["Column"]]
        if node.get("options") == "Strict":
            node["options"] = "NonStrict"
            attempts.append((node["expr"], {"Cast": node}))
        if "function" in node and "Strptime" in json.dumps(node["function"]):
            attempts.append((node["input"][0], {"Function": node}))
        if node.get("strict") is True:
            node["strict"] = False
        return node

    value = _from_json(json.loads(expression.meta.serialize(format="json"), object_hook=rewrite))
    failures = [_failure(_from_json(cell), _from_json(result)) for cell, result in attempts]
    return ParsedExpression(value, pl.coalesce(*failures, pl.lit(None, pl.String)))


def _failure(cell: pl.Expr, result: pl.Expr) -> pl.Expr:
    text = stripped(cell.cast(pl.String, strict=False))
    return pl.when(result.is_null()).then(text)


def _to_json(expression: pl.Expr) -> object:
    return json.loads(expression.meta.serialize(format="json"))


def _from_json(tree: object) -> pl.Expr:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # reading JSON warns that it does not outlive a version; this one lives a moment
        return pl.Expr.deserialize(io.StringIO(json.dumps(tree)), format="json")


def _fits(found: pl.DataType, kind: Kind) -> bool:
    if kind in {Kind.NUMBER, Kind.INTEGER}:
        return found.is_numeric()
    if kind is Kind.FLAG:
        return found in {pl.Boolean, pl.String} or found.is_integer()
    return True
