"""A company's own rules and measures, written as SQL in `[checks.<table>]`."""

from collections.abc import Collection

import polars as pl

from expectations.check import Check, Measure
from expectations.rows.rule import Rule, false_if_null
from features.tables.elementwise import cross_row_part
from features.tables.schema import DTYPES, Table
from settings.checks import CustomMeasure, CustomRule, TableChecks
from settings.errors import SettingsError, first_line


def custom_rules(table: Table, columns: Collection[str], limits: TableChecks) -> list[Rule]:
    """Return the rules of `[[checks.<table>.rules]]`; a row for which the condition is null does not break the rule.

    Raises SettingsError for a condition that is invalid SQL, names a missing column, is not boolean, or looks at other
    rows: later rows must not decide what a row means.
    """
    return [_build_rule(table, columns, rule) for rule in limits.rules]


def custom_checks(limits: TableChecks) -> list[Check]:
    """Return the checks of `[[checks.<table>.measures]]`."""
    return [
        Check(name=custom.name, sentence=custom.sentence, low=custom.low, high=custom.high, severity=custom.severity)
        for custom in limits.measures
    ]


def custom_measures(table: Table, good: pl.LazyFrame, limits: TableChecks) -> dict[str, Measure]:
    """Return the value of each measure of `[[checks.<table>.measures]]` over the rows in use; null values are left out.

    Raises SettingsError for a measure that is invalid SQL, names a missing column, or is not one number.
    """
    if not limits.measures:
        return {}
    columns = good.collect_schema().names()
    expressions = [_build_measure(table, columns, custom) for custom in limits.measures]
    values = good.select(expressions).collect(engine="streaming").row(0, named=True)
    return {name: Measure(value) for name, value in values.items() if value is not None}


def _build_rule(table: Table, columns: Collection[str], custom: CustomRule) -> Rule:
    key = f"checks.{table.name}.rules.{custom.name}"
    condition = _parse(table, columns, custom.broken, key)
    part = cross_row_part(condition)
    if part:
        raise SettingsError(f"{key} looks at more than its own row ({part}); write it as one of checks.{table.name}.measures.")
    if _schema_frame(table, columns).select(condition.alias("_")).collect_schema()["_"] != pl.Boolean:
        raise SettingsError(f"{key} should be true or false for a row, found {custom.broken!r}.")
    return Rule(custom.name, custom.sentence, false_if_null(condition), severity=custom.severity)


def _build_measure(table: Table, columns: Collection[str], custom: CustomMeasure) -> pl.Expr:
    key = f"checks.{table.name}.measures.{custom.name}"
    measure = _parse(table, columns, custom.measure, key)
    value = _schema_frame(table, columns).select(measure.alias("_")).collect()  # an aggregate is one row even of no rows
    if value.height != 1 or not value.schema["_"].is_numeric() or not cross_row_part(measure):
        raise SettingsError(f"{key} should be one number for the whole table, found {custom.measure!r}.")
    return measure.cast(pl.Float64).alias(custom.name)


def _parse(table: Table, columns: Collection[str], sql: str, key: str) -> pl.Expr:
    try:
        expression = pl.sql_expr(sql)
        missing = [name for name in expression.meta.root_names() if name not in columns]
        if missing:
            raise SettingsError(f"{key} names the column {missing[0]}; the table has {', '.join(columns)}.")
        _schema_frame(table, columns).select(expression.alias("_")).collect_schema()
    except pl.exceptions.PolarsError as error:
        raise SettingsError(f"{key} is not a valid SQL expression: {first_line(error)}.") from None
    return expression


def _schema_frame(table: Table, columns: Collection[str]) -> pl.LazyFrame:
    """Return a frame without rows to check the types of expressions against."""
    return pl.LazyFrame(schema={column.name: DTYPES[column.kind] for column in table.columns if column.name in columns})
