"""Expressions over mixed cells: which rows have a value, and which are set aside with the cell that could not be read."""

from datetime import datetime
from typing import Any

import polars as pl
import pytest

from features.tables.expressions import parse_expression
from features.tables.schema import Kind

DAY = datetime(2026, 11, 1)
TWO_FORMATS = "COALESCE(STRPTIME(a, '%d.%m.%Y'), STRPTIME(a, '%Y-%m-%d'))"
BRACKETS = "CASE WHEN a LIKE '(%' THEN -CAST(REPLACE(REPLACE(a, '(', ''), ')', '') AS DOUBLE) ELSE CAST(a AS DOUBLE) END"
SIGNED = "CASE WHEN CAST(b AS INT) > 0 THEN CAST(a AS DOUBLE) ELSE -CAST(a AS DOUBLE) END"
COMMA = "CAST(REPLACE(a, ',', '.') AS DOUBLE)"
RETURNS = "CASE b WHEN 'return' THEN -a WHEN 'sale' THEN a END"

Row = tuple[tuple[str | None, str | None], Any, str | None]


def row(a: str | None, value: Any, unread: str | None = None, b: str | None = None) -> Row:  # noqa: ANN401  # any cell
    return (a, b), value, unread


@pytest.mark.parametrize(
    ("expression", "kind", "rows"),
    [
        (
            TWO_FORMATS,
            Kind.TIME,
            [row("01.11.2026", DAY), row("2026-11-01", DAY), row("11/1/26", None, "11/1/26"), row(None, None)],
        ),
        (f"IFNULL({COMMA}, 7)", Kind.NUMBER, [row("1,5", 1.5), row("x", 7.0), row(None, 7.0)]),
        (
            BRACKETS,
            Kind.NUMBER,
            [row("(20)", -20.0), row("20", 20.0), row("(2x)", None, "2x"), row("x", None, "x"), row(None, None)],
        ),
        (
            SIGNED,
            Kind.NUMBER,
            [row("5", 5.0, None, "1"), row("5", -5.0, None, "-1"), row("5", -5.0, "x", "x"), row("y", None, "y", "1")],
        ),
        (RETURNS, Kind.NUMBER, [row("5", -5.0, None, "return"), row("5", 5.0, None, "sale"), row("x", None, None, "other")]),
        (RETURNS, Kind.NUMBER, [row("x", None, "x", "sale")]),
        (COMMA, Kind.NUMBER, [row("1,5", 1.5), row("1.5", 1.5), row("1,5 EUR", None, "1.5 EUR"), row(" ", None)]),
        ("a * b", Kind.NUMBER, [row("2", 6.0, None, "3"), row("x", None, "x", "3"), row("2", None, "y", "y"), row("2", None)]),
        ("COALESCE(a, b)", Kind.NUMBER, [row("1", 1.0, None, "x"), row("x", 2.0, None, "2"), row("x", None, "x", "y")]),
        ("TRY_CAST(a AS DOUBLE)", Kind.NUMBER, [row("1", 1.0), row("x", None)]),
        ("TRY_CAST(a AS DATE)", Kind.TIME, [row("2026-11-01", DAY.date()), row("x", None)]),
        ("NULLIF(a, 'n/a')", Kind.TEXT, [row("n/a", None), row("x", "x")]),
        (
            "IF(b = 'usd', CAST(a AS DOUBLE) * 2, CAST(a AS DOUBLE))",
            Kind.NUMBER,
            [row("1", 2.0, None, "usd"), row("x", None, "x", "y")],
        ),
        (
            "CAST(a AS INT) > 0 OR b = 'x'",
            Kind.FLAG,
            [row("y", True, None, "x"), row("y", None, "y", "z"), row("1", True, None, "z")],
        ),
        ("CAST(a AS INT) BETWEEN 1 AND 5", Kind.FLAG, [row("3", True), row("x", None, "x")]),
        ("GREATEST(CAST(a AS INT), 0)", Kind.INTEGER, [row("3", 3), row("-3", 0), row("x", 0, "x")]),
        ("UPPER(a) || COALESCE(b, '')", Kind.TEXT, [row("x", "X"), row("x", "Xy", None, "y")]),
        ("STRPTIME(a, '%Y-%m-%d %H:%M')", Kind.TIME, [row("2026-11-01 00:00", DAY), row("2026-11-01", None, "2026-11-01")]),
        ("CAST(a AS DATE)", Kind.TIME, [row("2026-11-01", DAY.date()), row("2026-11-01 09:30", DAY.date()), row("x", None, "x")]),
        ("CAST(a AS TIMESTAMP)", Kind.TIME, [row("2026-11-01T00:00", DAY), row("2026-11-01", DAY), row("x", None, "x")]),
        ("DATE(a, '%d/%m/%Y')", Kind.TIME, [row("01/11/2026", DAY.date()), row("x", None, "x")]),
        ("ROUND(a, 1)", Kind.NUMBER, [row("1.26", 1.3), row("x", None, "x")]),
        ("SUBSTR(a, 1, 2)", Kind.TEXT, [row("abc", "ab"), row(None, None)]),
    ],
)
def test_a_cell_counts_as_unread_only_where_the_result_needs_it(expression: str, kind: Kind, rows: list[Row]) -> None:
    cells = pl.LazyFrame([cells for cells, _, _ in rows], schema={"a": pl.String, "b": pl.String}, orient="row")
    parsed = parse_expression(pl.sql_expr(expression), kind, cells.collect_schema())
    results = cells.select(parsed.value.alias("value"), parsed.unread.alias("unread")).collect()
    assert results.rows() == [(value, unread) for _, value, unread in rows]


def test_a_branch_that_is_not_taken_does_not_set_a_row_aside(tmp_path: Any) -> None:  # noqa: ANN401
    from expectations.validation.gate import load_tables
    from settings.load import load_settings

    lines = ["a,1,01.11.2026,(20)", "b,2,2026-11-02,15", "c,3,02.11.2026,x", "d,4,yesterday,12"]
    (tmp_path / "orders.csv").write_text(
        "\n".join(["customer,order_id,day,sum", *lines, *(f"e,{n},2026-11-03,9" for n in range(60))])
    )
    (tmp_path / "holdfast.toml").write_text(
        f"""[tables]
transactions = "orders.csv"
[columns.transactions]
customer_id = "customer"
ordered_at = "{TWO_FORMATS.replace("a,", "day,")}"
amount = "{BRACKETS.replace("a,", "sum,").replace("WHEN a", "WHEN sum").replace("(a AS", "(sum AS")}"
"""
    )
    tables, [report] = load_tables(load_settings(tmp_path / "holdfast.toml", {}), datetime(2026, 11, 24))
    assert report.rules == {"unreadable_ordered_at": 1, "unreadable_amount": 1}
    rows = tables.transactions.filter(pl.col("customer_id") != "e").select("customer_id", "ordered_at", "amount").collect()
    assert rows.rows() == [("a", DAY, -20.0), ("b", datetime(2026, 11, 2), 15.0)]
