"""The suite of each input table: its rules for rows and its checks as a whole, with the configured severities."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from types import ModuleType

from expectations.check import Check
from expectations.rows.custom_rules import custom_checks, custom_rules
from expectations.rows.rule import Rule
from expectations.suites import aliases, complaints, contacts, customers, rates, surveys, transactions
from expectations.suites.any_rows import EPOCH, common_row_rules
from expectations.suites.any_table import common_table_checks, rule_checks
from expectations.suites.load_changes import load_checks
from features.tables.schema import Table
from settings.checks import TableChecks
from settings.errors import SettingsError

TABLE_SUITES: dict[str, ModuleType] = {
    "transactions": transactions,
    "complaints": complaints,
    "surveys": surveys,
    "contacts": contacts,
    "customers": customers,
    "rates": rates,
    "aliases": aliases,
}


def build_rules(
    table: Table,
    columns: Collection[str],
    limits: TableChecks,
    now: datetime,
    largest: dict[str, float] | None = None,
    repeated: Collection[str] = (),
) -> list[Rule]:
    """Return the rules for rows of a table with these canonical columns, in order; rules configured as off are left out.

    `largest` and `repeated` are as in `common_row_rules`. Raises SettingsError for a severity that a rule cannot have, and
    for an invalid custom rule.
    """
    rules = common_row_rules(table, columns, limits, now, largest or {}, repeated)
    rules += TABLE_SUITES[table.name].row_rules(columns, limits) + custom_rules(table, columns, limits)
    configured = [_with_configured_severity(table.name, rule, limits) for rule in rules]
    return [rule for rule in configured if rule.severity != "off"]


def build_checks(table: Table, rules: list[Rule], limits: TableChecks) -> list[Check]:
    """Return the checks of a table: the common ones, its own, those against the accepted load, the custom ones, one per rule.

    Raises SettingsError for the severity quarantine of a check that is not about single rows.
    """
    table_checks = common_table_checks(limits) + TABLE_SUITES[table.name].table_checks(limits)
    table_checks += load_checks(table, limits) + custom_checks(limits)
    checks = [replace(check, severity=limits.severity.get(check.name, check.severity)) for check in table_checks]
    for check in checks:
        if check.severity == "quarantine":
            raise SettingsError(
                f"checks.{table.name}.severity.{check.name} should be stop, warn or off: the check is not about single rows."
            )
    return checks + rule_checks(rules)


def refuse_unknown_names(table: Table, limits: TableChecks) -> None:
    """Raise SettingsError for a severity of an unknown rule or check, and for a custom one whose name is taken.

    Known are the rules and checks of every table of this kind, whichever columns are present or missing.
    """
    if not (limits.severity or limits.rules or limits.measures):
        return
    columns = [column.name for column in table.columns]
    defaults = replace(limits, severity={}, rules=(), measures=())
    tables = [columns, *([column for column in columns if column != missing] for missing in columns)]
    rules = [rule for present in tables for rule in build_rules(table, present, defaults, EPOCH, dict.fromkeys(present, 1.0))]
    known = {rule.name for rule in rules} | {check.name for check in build_checks(table, [], defaults)}
    for name in [*(rule.name for rule in limits.rules), *(measure.name for measure in limits.measures)]:
        if name in known:
            raise SettingsError(f"checks.{table.name} already has a rule or measure named {name}; choose another name for yours.")
        known.add(name)
    for name in limits.severity:
        if name not in known:
            raise SettingsError(f"Unknown key checks.{table.name}.severity.{name}; docs/checks.md lists all rules and checks.")


def _with_configured_severity(table: str, rule: Rule, limits: TableChecks) -> Rule:
    severity = limits.severity.get(rule.name, rule.severity)
    if rule.mandatory and severity in {"warn", "off"}:
        raise SettingsError(f"checks.{table}.severity.{rule.name} should be quarantine or stop: such a row cannot be used.")
    return replace(rule, severity=severity)
