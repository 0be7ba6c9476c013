"""The suite of each input table: its rules for rows and its checks of the whole, configuration applied."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from types import ModuleType

from expectations.check import Check
from expectations.rows.custom_rules import custom_checks, custom_rules
from expectations.rows.rule import Rule
from expectations.suites import complaints, contacts, customers, surveys, transactions
from expectations.suites.any_rows import EPOCH, any_rows
from expectations.suites.any_table import any_table, rule_checks
from features.tables.schema import Table
from settings.checks import TableChecks
from settings.errors import SettingsError

SUITES: dict[str, ModuleType] = {
    "transactions": transactions,
    "complaints": complaints,
    "surveys": surveys,
    "contacts": contacts,
    "customers": customers,
}


def rules_of(
    table: Table,
    columns: Collection[str],
    limits: TableChecks,
    now: datetime,
    largest: dict[str, float] | None = None,
    repeated: Collection[str] = (),
) -> list[Rule]:
    """Return the rules for rows of a table with these canonical columns, severities as configured, those that are off left out.

    Raises SettingsError for a severity that a rule cannot have, and for a rule of the company's own that cannot be used.
    """
    rules = any_rows(table, columns, limits, now, largest or {}, repeated)
    rules += SUITES[table.name].rows(columns, limits) + custom_rules(table, columns, limits)
    configured = [_configured(table.name, rule, limits) for rule in rules]
    return [rule for rule in configured if rule.severity != "off"]


def checks_of(table: Table, rules: list[Rule], limits: TableChecks) -> list[Check]:
    """Return the checks of a table: those of every table, its own, one per rule, and the company's.

    Raises SettingsError for a severity of a check that there is not.
    """
    whole = any_table(limits) + SUITES[table.name].whole(limits) + custom_checks(limits)
    checks = [replace(check, severity=limits.severity.get(check.name, check.severity)) for check in whole]
    for check in checks:
        if check.severity == "quarantine":
            raise SettingsError(
                f"checks.{table.name}.severity.{check.name} should be stop, warn or off: it looks at no single row."
            )
    return checks + rule_checks(rules)


def refuse_unknown(table: Table, limits: TableChecks) -> None:
    """Raise SettingsError for a severity of a rule or check that this table does not have, whatever its columns."""
    every = [column.name for column in table.columns]
    unhampered = replace(limits, severity={}, rules=(), measures=())
    rules = rules_of(table, every, unhampered, EPOCH, dict.fromkeys(every, 1.0))
    known = {rule.name for rule in rules} | {check.name for check in checks_of(table, [], unhampered)}
    for name in [*(rule.name for rule in limits.rules), *(own.name for own in limits.measures)]:
        if name in known:
            raise SettingsError(f"checks.{table.name} has a rule or measure named {name} already; name yours otherwise.")
        known.add(name)
    for name in limits.severity:
        if name not in known:
            raise SettingsError(
                f"Unknown key checks.{table.name}.severity.{name}; `validate` names the rules and checks there are."
            )


def _configured(table: str, rule: Rule, limits: TableChecks) -> Rule:
    severity = limits.severity.get(rule.name, rule.severity)
    if rule.firm and severity in {"warn", "off"}:
        raise SettingsError(f"checks.{table}.severity.{rule.name} should be quarantine or stop: such a row cannot be used.")
    return replace(rule, severity=severity)
