"""What a row means must not depend on other rows: nothing that aggregates, orders or filters rows passes the allow-list."""

import inspect
import json
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime
from types import SimpleNamespace
from typing import cast

import polars as pl
import pytest
from polars.testing import assert_series_equal

from features.tables.elementwise import cross_row_part
from features.tables.expressions import ExpressionError, parse_expression
from features.tables.schema import Kind

FRAME = pl.DataFrame(
    {
        "a": [3.0, 1.0, 2.0, 2.0],
        "b": [1, 0, 5, 5],
        "s": ["x-y", "Y", None, "x-y"],
        "day": ["01/02/2025", "13/02/2025", None, "x"],
        "t": [datetime(2025, 1, 31, 12), datetime(2024, 2, 29), datetime(2025, 7, 1), None],
        "l": [[1, 2], [3], [], [1, 2]],
        "f": [True, False, None, True],
    }
)
VALUE = pl.col("a")

ONE_ROW = [
    *("a + b * 2 - a / 3", "-a", "a % 2", "MOD(b, 2)", "DIV(b, 2)", "ABS(a)", "SIGN(a)", "CEIL(a)", "FLOOR(a)", "ROUND(a, 1)"),
    *("TRUNC(a)", "SQRT(a)", "CBRT(a)", "POW(a, 2)", "EXP(a)", "LN(a)", "LOG(a, 2)", "LOG10(a)", "LOG1P(a)", "PI() * a"),
    *("SIN(a)", "COS(a)", "TAN(a)", "ATAN(a)", "ATAN2(a, b)", "DEGREES(a)", "RADIANS(a)", "ERF(a)", "b & 1", "BIT_COUNT(b)"),
    *("CASE WHEN a > 1 THEN b ELSE 0 END", "NULLIF(a, 2)", "IFNULL(a, 0)", "COALESCE(s, 'none')", "IF(a > 1, 1, 2)"),
    *("GREATEST(a, b)", "LEAST(a, b)", "a = b", "a <> b", "a <=> b", "a > 1 AND NOT f", "a > 1 OR b < 1", "f IS TRUE"),
    *("s IS NULL", "s IS NOT NULL", "a BETWEEN 1 AND 2", "s IN ('Y', 'Z')", "b NOT IN (1, 2)", "s LIKE 'x%'", "s ILIKE 'y'"),
    *("s RLIKE '^x'", "REGEXP_LIKE(s, 'x')", "REGEXP_REPLACE(s, 'x', 'z')", "REPLACE(s, 'x', 'z')", "UPPER(s)", "LOWER(s)"),
    *("INITCAP(s)", "LENGTH(s)", "OCTET_LENGTH(s)", "LEFT(s, 1)", "RIGHT(s, 1)", "SUBSTR(s, 2, 1)", "REVERSE(s)", "TRIM(s)"),
    *("LTRIM(s, 'x')", "RTRIM(s)", "LPAD(s, 5, '0')", "RPAD(s, 5, '0')", "STRPOS(s, '-')", "SPLIT_PART(s, '-', 1)"),
    *("STARTS_WITH(s, 'x')", "ENDS_WITH(s, 'y')", "CONCAT(s, day)", "CONCAT_WS('-', s, day)", "s || day", "NORMALIZE(s)"),
    *("STRING_TO_ARRAY(s, '-')", "ARRAY_GET(l, 1)", "ARRAY_LENGTH(l)", "ARRAY_SUM(l)", "ARRAY_CONTAINS(l, 1)"),
    *("EXTRACT(YEAR FROM t)", "EXTRACT(DOW FROM t)", "EXTRACT(EPOCH FROM t)", "DATE_PART('month', t)", "STRFTIME(t, '%d')"),
    *("t + INTERVAL '1 day'", "DAYOFYEAR(t)", "QUARTER(t)", "TRY_CAST(s AS DOUBLE)", "CAST(a AS VARCHAR)", "b::DOUBLE"),
    *("TIMESTAMP '2025-01-01 00:00:00'", "a AS renamed"),
]
MANY_ROWS = {
    **dict.fromkeys(("COUNT(*)", "COUNT(*) + a", "PERCENT_RANK() OVER (ORDER BY a)", "ARRAY_AGG(a)"), "Len"),
    **dict.fromkeys(("SUM(a)", "COUNT(a)", "SUM(DISTINCT a)", "SUM(a) FILTER (WHERE b > 1)", "a / SUM(a) OVER ()"), "Agg.Count"),
    "COUNT(DISTINCT a)": "Agg.NUnique",
    "AVG(a)": "Agg.Mean",
    "MEDIAN(a)": "Agg.Median",
    "MIN(a)": "Agg.Min",
    "MAX(a)": "Agg.Max",
    "a > MAX(a)": "Agg.Max",
    "FIRST(a)": "Agg.First",
    "LAST(a)": "Agg.Last",
    "STDDEV(a)": "Agg.Std",
    "VARIANCE(a)": "Agg.Var",
    "CASE WHEN a > AVG(a) THEN 1 END": "Agg.Mean",
    "QUANTILE_CONT(a, 0.5)": "Quantile",
    "QUANTILE_DISC(a, 0.5)": "Quantile",
    "APPROX_QUANTILE(a, 0.5)": "ApproxQuantile",
    "COVAR(a, b)": "Correlation",
    "CORR(a, b)": "Boolean.Any",
    "STRING_AGG(s, ',')": "NullCount",
    "RANK() OVER (ORDER BY a)": "Rank",
    "DENSE_RANK() OVER (ORDER BY a)": "Rank",
    "ROW_NUMBER() OVER ()": "Range",
    **dict.fromkeys(
        [
            *("AVG(a) OVER (PARTITION BY b)", "SUM(a) OVER (ORDER BY b)", "COUNT(*) OVER (PARTITION BY b)"),
            *("MIN(a) OVER (ORDER BY b)", "MAX(a) OVER (ORDER BY b)", "COUNT(a) OVER (ORDER BY b)"),
            *("LAG(a) OVER (ORDER BY b)", "LEAD(a, 2) OVER (ORDER BY b)", "FIRST_VALUE(a) OVER (ORDER BY b)"),
            *("LAST_VALUE(a) OVER (ORDER BY b)", "NTH_VALUE(a, 2) OVER (ORDER BY b)", "NTILE(4) OVER (ORDER BY a)"),
            *("ROW_NUMBER() OVER (ORDER BY a)", "CUME_DIST() OVER (ORDER BY a)"),
            "SUM(a) OVER (ORDER BY b ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)",
        ],
        "Over",
    ),
    "UNNEST(l)": "Explode",
    "GENERATE_SERIES(1, 2)": "Range",
    "a = ANY(b)": "Sql.IsIn",
    "COLUMNS('a')": "Selector",
    "a > (SELECT 1)": "SubPlan",
    "EXISTS (SELECT 1)": "SubPlan",
    "ARRAY_REVERSE(l)": "Eval",
    **dict.fromkeys(("DATE(day)", "TIMESTAMP(day)", "TIME(day)"), "a date function without a format"),
}
POLARS_ROWS: dict[str, pl.Expr] = {
    "sum": VALUE.sum(),
    "mean": VALUE.mean(),
    "median": VALUE.median(),
    "min": VALUE.min(),
    "max": VALUE.max(),
    "count": VALUE.count(),
    "len": pl.len(),
    "first": VALUE.first(),
    "last": VALUE.last(),
    "std": VALUE.std(),
    "var": VALUE.var(),
    "quantile": VALUE.quantile(0.5),
    "n_unique": VALUE.n_unique(),
    "rank": VALUE.rank(),
    "shift": VALUE.shift(),
    "lead": VALUE.shift(-1),
    "diff": VALUE.diff(),
    "pct_change": VALUE.pct_change(),
    "cum_sum": VALUE.cum_sum(),
    "cum_count": VALUE.cum_count(),
    "cum_max": VALUE.cum_max(),
    "cum_prod": VALUE.cum_prod(),
    "rolling_mean": VALUE.rolling_mean(2),
    "rolling_sum": VALUE.rolling_sum(2),
    "ewm_mean": VALUE.ewm_mean(com=1),
    "rolling": VALUE.sum().rolling("t", period="1d"),
    "over": VALUE.sum().over("b"),
    "plain over": VALUE.over("b"),
    "forward_fill": VALUE.forward_fill(),
    "backward_fill": VALUE.backward_fill(),
    "interpolate": VALUE.interpolate(),
    "fill_null mean": VALUE.fill_null(strategy="mean"),
    "fill_null with an aggregate": VALUE.fill_null(VALUE.mean()),
    "sort": VALUE.sort(),
    "sort_by": VALUE.sort_by("b"),
    "reverse": VALUE.reverse(),
    "arg_sort": VALUE.arg_sort(),
    "unique": VALUE.unique(),
    "explode": pl.col("l").explode(),
    "filter": VALUE.filter(pl.col("b") > 1),
    "head": VALUE.head(1),
    "gather": VALUE.gather([0]),
    "slice": VALUE.slice(1),
    "sample": VALUE.sample(1),
    "shuffle": VALUE.shuffle(),
    "is_duplicated": VALUE.is_duplicated(),
    "is_first_distinct": VALUE.is_first_distinct(),
    "is_in another column": VALUE.is_in(pl.col("b").implode()),
    "mode": VALUE.mode(),
    "implode": VALUE.implode(),
    "search_sorted": VALUE.search_sorted(1.0),
    "rle_id": VALUE.rle_id(),
    "entropy": VALUE.entropy(),
    "int_range": pl.int_range(pl.len()),
    "corr": pl.corr("a", "b"),
    "str.join": pl.col("s").str.join(","),
    "str.to_datetime": pl.col("day").str.to_datetime(),
    "literal series": VALUE + pl.lit(pl.Series([1, 2, 3, 4])),
    "any": pl.col("f").any(),
    "all": pl.col("f").all(),
    "product": VALUE.product(),
    "bitwise_and": pl.col("b").bitwise_and(),
    "map_batches": VALUE.map_batches(lambda series: series.reverse()),
    "nested": (VALUE + 1).clip(VALUE.min(), 5).round(2),
}


def values(frame: pl.DataFrame, expression: pl.Expr) -> pl.Series:
    return frame.select(expression.alias("value"))["value"]


def row_by_row(expression: pl.Expr) -> pl.Series:
    return pl.concat([values(FRAME.slice(row, 1), expression) for row in range(FRAME.height)])


@pytest.mark.parametrize("sql", ONE_ROW)
def test_expressions_of_one_row_pass_and_give_each_row_its_own_value(sql: str) -> None:
    expression = pl.sql_expr(sql)
    assert cross_row_part(expression) is None
    assert_series_equal(FRAME.with_columns(expression.alias("value"))["value"], row_by_row(expression))


@pytest.mark.parametrize(("sql", "part"), MANY_ROWS.items())
def test_sql_over_several_rows_is_refused_by_the_name_of_its_part(sql: str, part: str) -> None:
    assert cross_row_part(pl.sql_expr(sql)) == part


@pytest.mark.parametrize("name", POLARS_ROWS)
def test_expressions_over_several_rows_are_refused_wherever_they_are(name: str) -> None:
    expression = POLARS_ROWS[name]
    assert cross_row_part(expression) is not None
    assert cross_row_part(pl.when(expression < VALUE).then(0).otherwise(1).cast(pl.Float64).abs()) is not None


def no_argument_methods() -> Iterator[tuple[str, Callable[[], object]]]:
    columns = {"": VALUE, "str.": pl.col("s"), "dt.": pl.col("t"), "list.": pl.col("l"), "bin.": pl.col("s").cast(pl.Binary)}
    for prefix, column in columns.items():
        owner = getattr(column, prefix.removesuffix(".")) if prefix else column
        for name in dir(owner):
            method = None if name.startswith("_") or name in {"meta", "inspect", "deserialize"} else getattr(owner, name, None)
            if callable(method) and not any(
                argument.default is argument.empty and argument.kind is argument.POSITIONAL_OR_KEYWORD
                for argument in inspect.signature(method).parameters.values()
            ):
                yield prefix + name, method


@pytest.mark.parametrize("method", [pytest.param(method, id=name) for name, method in no_argument_methods()])
def test_no_method_of_polars_that_mixes_rows_slips_through(method: Callable[[], object]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expression = method()
            if not isinstance(expression, pl.Expr) or cross_row_part(expression) is not None:
                return
            together = values(FRAME, expression)
        except (pl.exceptions.PolarsError, TypeError, ValueError):
            return
        assert_series_equal(together, row_by_row(expression))


COLUMN = {"Column": "a"}
UNKNOWN = {
    "a new kind of node": {"NewNode": {"input": [COLUMN]}},
    "a new node without content": "NewNode",
    "a new function": {"Function": {"input": [COLUMN], "function": "NewFunction"}},
    "a new function with options": {"Function": {"input": [COLUMN], "function": {"NewFunction": {"window": 3}}}},
    "a new function of a known family": {"Function": {"input": [COLUMN], "function": {"StringExpr": "NewFunction"}}},
    "a known function of a new family": {"Function": {"input": [COLUMN], "function": {"NewFamily": "Uppercase"}}},
    "a new field of a known node": {"Cast": {"expr": COLUMN, "dtype": "Int64", "options": "Strict", "window": 3}},
    "a new field of a function": {"Function": {"input": [COLUMN], "function": "Abs", "order_by": COLUMN}},
    "a missing field of a known node": {"Cast": {"expr": COLUMN}},
    "a new kind of literal": {"Literal": {"Range": [1, 2]}},
    "a column by pattern": {"Column": {"pattern": "a"}},
    "two nodes in one": {"Column": "a", "Literal": {"Dyn": {"Int": 1}}},
    "no node": 5,
    "date options of a new form": {"Function": {"input": [COLUMN], "function": {"StringExpr": {"Strptime": "%d"}}}},
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_node_is_refused_at_the_top_and_within_known_ones(name: str) -> None:
    node = UNKNOWN[name]
    inside = {"Alias": [{"Ternary": {"predicate": COLUMN, "truthy": COLUMN, "falsy": node}}, "x"]}
    operand = {
        "Function": {"input": [COLUMN, {"BinaryExpr": {"left": node, "op": "Plus", "right": COLUMN}}], "function": "Coalesce"}
    }
    for tree in (node, inside, operand):
        serialised = SimpleNamespace(meta=SimpleNamespace(serialize=lambda tree=tree, **_: json.dumps(tree)))
        assert cross_row_part(cast("pl.Expr", serialised)) is not None, tree


def test_a_refusal_names_the_part_and_says_what_to_do() -> None:
    with pytest.raises(ExpressionError) as error:
        parse_expression(pl.sql_expr("a - QUANTILE_CONT(a, 0.5)"), Kind.NUMBER, FRAME.schema)
    assert str(error.value) == (
        "it uses Quantile, which is not known to look at its own row only; "
        "compute the column in the source, or with a query in [tables]"
    )
