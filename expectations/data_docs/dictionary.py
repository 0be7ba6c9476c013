"""Every rule and check in words, for the documentation.

Run: python -m expectations.data_docs.dictionary > docs/checks.md
"""

import sys
from datetime import datetime
from pathlib import Path

from expectations.suites.tables import checks_of, rules_of
from expectations.validation.outputs import SUITES as FRAMES
from expectations.validation.outputs import limits_of
from features.tables.schema import ALL_TABLES, Table
from settings.sections import Settings, TableSources

TEMPLATES = Path(__file__).parent / "templates"
MARK = "<!-- every rule and check -->\n"
SEVERITIES = {"stop": "stop", "quarantine": "set aside", "warn": "warn"}


def page() -> str:
    """Return docs/checks.md: what is written by hand, with every rule and check of every table behind it."""
    return (TEMPLATES / "checks.md").read_text(encoding="utf-8").replace(MARK, _every())


def _every() -> str:
    settings = Settings(TableSources("orders.csv"))
    tables = [_section(table.name, _of_table(table, settings)) for table in ALL_TABLES.values()]
    frames = [_section(name, _of_frame(name, settings)) for name in FRAMES if name != "training_features"]
    return "\n".join([*tables, *frames])


def _of_table(table: Table, settings: Settings) -> list[tuple[str, str, str]]:
    limits, every = getattr(settings.checks, table.name), [column.name for column in table.columns]
    largest = dict.fromkeys(every, 1.0)
    rules = rules_of(table, every, limits, datetime(2026, 1, 1), largest)  # noqa: DTZ001  # any day does
    whole = checks_of(table, [], limits)
    told = [(rule.name, SEVERITIES[rule.severity], rule.sentence) for rule in rules]
    return told + [(check.name, SEVERITIES[check.severity], check.sentence) for check in whole]


def _of_frame(name: str, settings: Settings) -> list[tuple[str, str, str]]:
    checks = FRAMES[name].checks(limits_of(settings, name))
    return [(check.name, SEVERITIES[check.severity], check.sentence) for check in checks]


def _section(name: str, told: list[tuple[str, str, str]]) -> str:
    rows = [f"| {check} | {severity} | {sentence} |" for check, severity, sentence in told]
    return "\n".join(
        [f"### {name}\n", "| name | by default | a row where ..., or what is expected |", "|---|---|---|", *rows, ""]
    )


if __name__ == "__main__":
    sys.stdout.write(page())
