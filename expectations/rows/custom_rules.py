"""A company's own rules and measures, written as SQL in `[checks.<table>]`."""

from collections.abc import Collection

import polars as pl

from expectations.check import Check, Measure
from expectations.rows.rule import Rule, never_null
from features.tables.expressions import looks_beyond_a_row
from features.tables.schema import DTYPES, Table
from settings.checks import CustomMeasure, CustomRule, TableChecks
from settings.errors import SettingsError, first_line


def custom_rules(table: Table, columns: Collection[str], limits: TableChecks) -> list[Rule]:
    """Return the rules of `[[checks.<table>.rules]]`; a condition that is null is not broken.

    Raises SettingsError for a condition that is no SQL, names a column that is not there, is no yes or no, or looks at
    other rows: what a row means must not depend on later ones.
    """
    return [_own_rule(table, columns, rule) for rule in limits.rules]


def custom_checks(limits: TableChecks) -> list[Check]:
    """Return the checks of `[[checks.<table>.measures]]`."""
    return [Check(own.name, own.sentence, own.low, own.high, own.severity) for own in limits.measures]


def custom_measures(table: Table, good: pl.LazyFrame, limits: TableChecks) -> dict[str, Measure]:
    """Return the value of each own measure over the rows in use; one that is null is left out.

    Raises SettingsError for a measure that is no SQL, names a column that is not there, or is no single number.
    """
    if not limits.measures:
        return {}
    columns = good.collect_schema().names()
    asked = [_own_measure(table, columns, own) for own in limits.measures]
    found = good.select(asked).collect(engine="streaming").row(0, named=True)
    return {name: Measure(value) for name, value in found.items() if value is not None}


def _own_rule(table: Table, columns: Collection[str], rule: CustomRule) -> Rule:
    where = f"checks.{table.name}.rules.{rule.name}"
    condition = _parsed(table, columns, rule.broken, where)
    if looks_beyond_a_row(condition):
        raise SettingsError(f"{where} looks at more than its own row; write it as one of checks.{table.name}.measures.")
    if _schema(table, columns).select(condition.alias("_")).collect_schema()["_"] != pl.Boolean:
        raise SettingsError(f"{where} should be true or false for a row, found {rule.broken!r}.")
    return Rule(rule.name, rule.sentence, never_null(condition), severity=rule.severity)


def _own_measure(table: Table, columns: Collection[str], own: CustomMeasure) -> pl.Expr:
    where = f"checks.{table.name}.measures.{own.name}"
    measure = _parsed(table, columns, own.measure, where)
    found = _schema(table, columns).select(measure.alias("_"))
    if not found.collect_schema()["_"].is_numeric() or not looks_beyond_a_row(measure):
        raise SettingsError(f"{where} should be one number for the whole table, found {own.measure!r}.")
    return measure.cast(pl.Float64).alias(own.name)


def _parsed(table: Table, columns: Collection[str], sql: str, where: str) -> pl.Expr:
    try:
        expression = pl.sql_expr(sql)
        missing = [name for name in expression.meta.root_names() if name not in columns]
        if missing:
            raise SettingsError(f"{where} names the column {missing[0]}; the table has {', '.join(columns)}.")
        _schema(table, columns).select(expression.alias("_")).collect_schema()
    except pl.exceptions.PolarsError as error:
        raise SettingsError(f"{where} is no SQL that can be used: {first_line(error)}.") from None
    return expression


def _schema(table: Table, columns: Collection[str]) -> pl.LazyFrame:
    kinds = {column.name: DTYPES[column.kind] for column in table.columns if column.name in columns}
    return pl.LazyFrame(schema=kinds)
