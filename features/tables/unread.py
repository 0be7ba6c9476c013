"""Which cell of a row an expression needed and could not read: alternatives that were not taken do not count."""

import io
import json
import warnings
from collections.abc import Mapping
from typing import Any

import polars as pl

from features.tables.casting import strip_text

NOTHING = pl.lit(None, pl.String)


def to_json(expression: pl.Expr) -> Any:  # noqa: ANN401  # a tree of JSON
    """Return an expression as the JSON tree of Polars."""
    return json.loads(expression.meta.serialize(format="json"))


def from_json(tree: object) -> pl.Expr:
    """Return the expression of a JSON tree of Polars."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Polars warns that the JSON does not outlive its version; this one lives a moment
        return pl.Expr.deserialize(io.StringIO(json.dumps(tree)), format="json")


def unread_cell(tree: Any, conversions: Mapping[int, Any]) -> pl.Expr:  # noqa: ANN401  # a tree of JSON
    """Return the text of the first cell that the result of an expression needed and that could not be read; else null.

    `conversions` maps the `id` of each node that reads a text, such as a cast, to the node of that text. A conversion that fails
    counts only where the result depends on it: in the branch of a CASE that is taken and in its conditions, in the alternative of
    a COALESCE that is used, or in all of them if none has a value.
    """
    return _or_nothing(_unread(tree, conversions))


def _unread(node: Any, conversions: Mapping[int, Any]) -> pl.Expr | None:  # noqa: ANN401  # likewise
    """Return the unread cell below a node; None where nothing below is converted."""
    if not isinstance(node, dict) or len(node) != 1:
        return None
    if id(node) in conversions:
        text = conversions[id(node)]
        return _first(_unread(text, conversions), _where_null(node, _text(text)))
    kind, content = next(iter(node.items()))
    if kind == "Ternary":
        return _unread_of_case(content, conversions)
    if kind == "Function" and content["function"] == "Coalesce":
        return _unread_of_alternatives(content["input"], conversions)
    below = _first(*(_unread(operand, conversions) for operand in _operands(kind, content)))
    if kind == "BinaryExpr" and below is not None:
        return _where_null(node, below)  # true OR null is true
    return below


def _unread_of_case(content: dict[str, Any], conversions: Mapping[int, Any]) -> pl.Expr | None:
    """Return the unread cell of a condition or of the branch that it leads to."""
    condition, yes, no = (_unread(content[name], conversions) for name in ("predicate", "truthy", "falsy"))
    if yes is None and no is None:
        return condition
    branch = pl.when(from_json(content["predicate"])).then(_or_nothing(yes)).otherwise(_or_nothing(no))
    return _first(condition, branch)


def _unread_of_alternatives(nodes: list[Any], conversions: Mapping[int, Any]) -> pl.Expr | None:
    """Return the unread cell of the first alternative that has a value, or of any if none has one."""
    unread = [_unread(node, conversions) for node in nodes]
    result = _first(*unread)
    if result is None:
        return None
    for node, own in zip(reversed(nodes), reversed(unread), strict=True):
        result = pl.when(from_json(node).is_not_null()).then(_or_nothing(own)).otherwise(result)
    return result


def _operands(kind: str, content: Any) -> list[Any]:  # noqa: ANN401  # a tree of JSON
    if kind == "Alias":
        return [content[0]]
    if kind == "Function":
        return list(content["input"])
    return [content[name] for name in ("left", "right", "expr") if isinstance(content, dict) and name in content]


def _first(*unread: pl.Expr | None) -> pl.Expr | None:
    present = [expression for expression in unread if expression is not None]
    return pl.coalesce(present) if present else None


def _or_nothing(unread: pl.Expr | None) -> pl.Expr:
    return NOTHING if unread is None else unread


def _where_null(node: Any, text: pl.Expr) -> pl.Expr:  # noqa: ANN401  # a tree of JSON
    return pl.when(from_json(node).is_null()).then(text)


def _text(node: Any) -> pl.Expr:  # noqa: ANN401  # a tree of JSON
    return strip_text(from_json(node).cast(pl.String, strict=False))
