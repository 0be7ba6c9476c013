"""Which SQL expressions use one row only: an allow-list over the nodes of Polars' expression tree.

What a row means must not depend on other rows, least of all on later ones. Polars' own `meta.is_row_separable` does not
decide this: it is True for `a > MAX(a)`. So the serialised tree is walked, and every part that is not known to work row by
row is refused: aggregates, windows, sorts, filters, subqueries, and whatever a later version of Polars adds.
"""

import json
from collections.abc import Iterator

import polars as pl

# Every field of the nodes that work row by row. An unlisted field may change what a node does, so it is refused as well.
FIELDS = {
    "BinaryExpr": {"left", "op", "right"},
    "Ternary": {"predicate", "truthy", "falsy"},
    "Cast": {"expr", "dtype", "options"},
    "Function": {"input", "function"},
}
OPERANDS = {"BinaryExpr": ("left", "right"), "Ternary": ("predicate", "truthy", "falsy"), "Cast": ("expr",)}
CONSTANTS = ("Dyn", "Scalar")  # literals of one value; a literal series would be aligned with the rows
# Functions of one row, by family; those without a family are under "".
FUNCTIONS = {
    "": {
        *("Abs", "Atan2", "Ceil", "Clip", "Coalesce", "Erf", "Erfc", "Exp", "FillNull", "Floor", "Log", "Log1p"),
        *("MaxHorizontal", "MinHorizontal", "Negate", "Round", "Sign", "Truncate"),
    },
    "Bitwise": {"CountOnes", "CountZeros"},  # its And, Or and Xor are aggregates
    "Boolean": {
        *("AllHorizontal", "AnyHorizontal", "IsBetween", "IsFinite", "IsInfinite", "IsNan", "IsNotNan", "IsNotNull"),
        *("IsNull", "Not"),
    },
    "ListExpr": {"Contains", "Get", "Join", "Length", "Max", "Mean", "Min", "Sum"},
    "Pow": {"Cbrt", "Generic", "Sqrt"},
    "Sql": {"Binary", "Round", "ToFloat"},
    "StringExpr": {
        *("ConcatHorizontal", "Contains", "EndsWith", "Find", "LenBytes", "LenChars", "Lowercase", "Normalize", "PadEnd"),
        *("PadStart", "Replace", "Reverse", "Slice", "Split", "StartsWith", "StripChars", "StripCharsEnd"),
        *("StripCharsStart", "Strptime", "Titlecase", "Uppercase"),
    },
    "StructExpr": {"FieldByName"},
    "TemporalExpr": {
        *("BaseUtcOffset", "Century", "ConvertTimeZone", "Date", "Day", "Hour", "IsoYear", "Microsecond", "Millennium"),
        *("Millisecond", "Minute", "Month", "Nanosecond", "OffsetBy", "OrdinalDay", "Quarter", "ReplaceTimeZone", "Second"),
        *("Time", "TimeStamp", "ToString", "TotalSeconds", "Truncate", "Week", "WeekDay", "Year"),
    },
    "Trigonometry": {"ArcCos", "ArcSin", "ArcTan", "Cos", "Cot", "Degrees", "Radians", "Sin", "Tan"},
}


def cross_row_part(expression: pl.Expr) -> str | None:
    """Return the first part of `expression` that is not known to use one row only; None where every part is.

    Parts have the names of Polars' tree, such as `Agg.Mean`, `Over` or `Quantile`.
    """
    return next(_refused(json.loads(expression.meta.serialize(format="json"))), None)


def _refused(node: object) -> Iterator[str]:
    """Yield what is refused in a node, from the outside in."""
    kind, content = _variant(node)
    if kind == "Column" and isinstance(content, str):
        return
    if kind == "Literal" and _variant(content)[0] in CONSTANTS:
        return
    if kind == "Alias" and isinstance(content, list):
        yield from _refused(content[0])
    elif not isinstance(content, dict) or content.keys() != FIELDS.get(kind):
        yield f"{kind}.{_variant(content)[0]}" if kind == "Agg" else kind
    elif kind == "Function":
        yield from _refused_call(content["function"], content["input"])
    else:
        yield from _refused_operands([content[name] for name in OPERANDS[kind]])


def _refused_operands(nodes: list[object]) -> Iterator[str]:
    for node in nodes:
        yield from _refused(node)


def _refused_call(function: object, operands: list[object]) -> Iterator[str]:
    family, (name, options) = "", _variant(function)
    if name in FUNCTIONS:
        family, (name, options) = name, _variant(options)
    if name == "IsIn" and _variant(operands[-1])[0] == "Literal":
        operands = operands[:-1]  # the list of IN; a column in its place would be looked up in all of its rows
    elif name not in FUNCTIONS[family]:
        yield f"{family}.{name}".removeprefix(".")
    elif name == "Strptime" and not _has_format(options):
        yield "a date function without a format"  # Polars would take the format from the first cells
    yield from _refused_operands(operands)


def _has_format(options: object) -> bool:
    match options:
        case [_, {"format": str()}]:
            return True
    return False


def _variant(value: object) -> tuple[str, object]:
    """Return name and content of a variant as Rust's serde writes it: `"Name"` or `{"Name": content}`."""
    if isinstance(value, str):
        return value, None
    if isinstance(value, dict) and len(value) == 1:
        return next(iter(value.items()))
    return "an unknown part", None
