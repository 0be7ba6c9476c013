"""Write docs/checks.md: the template and the tables of every rule and check.

Run: python -m expectations.data_docs.dictionary > docs/checks.md
"""

import sys
from datetime import datetime
from pathlib import Path

from expectations.suites.tables import build_checks, build_rules
from expectations.validation.outputs import FRAME_SECTIONS, FRAME_SUITES, frame_limits
from features.tables.schema import SOURCE_TABLES, Table
from settings.sections import Settings, TableSources

TEMPLATES = Path(__file__).parent / "templates"
PLACEHOLDER = "<!-- every rule and check -->\n"
SEVERITIES = {"stop": "stop", "quarantine": "set aside", "warn": "warn"}
DATE_OF_EXAMPLE = datetime(2026, 1, 1)  # noqa: DTZ001  # the rules need a date; their sentences do not show it

Row = tuple[str, str, str]  # name, severity, sentence


def render_page() -> str:
    """Return docs/checks.md: the template with the rules and checks of every table and frame in place of its placeholder."""
    return (TEMPLATES / "checks.md").read_text(encoding="utf-8").replace(PLACEHOLDER, _render_sections())


def _render_sections() -> str:
    settings = Settings(TableSources("orders.csv"))
    tables = [_render_section(table.name, _table_rows(table, settings)) for table in SOURCE_TABLES.values()]
    frames = [_render_section(name, _frame_rows(name, settings)) for name in FRAME_SUITES if name not in FRAME_SECTIONS]
    return "\n".join([*tables, *frames])


def _table_rows(table: Table, settings: Settings) -> list[Row]:
    limits, columns = getattr(settings.checks, table.name), [column.name for column in table.columns]
    rules = build_rules(table, columns, limits, DATE_OF_EXAMPLE, largest=dict.fromkeys(columns, 1.0))
    checks = build_checks(table, [], limits)
    rows = [(rule.name, SEVERITIES[rule.severity], rule.sentence) for rule in rules]
    return rows + [(check.name, SEVERITIES[check.severity], check.sentence) for check in checks]


def _frame_rows(name: str, settings: Settings) -> list[Row]:
    checks = FRAME_SUITES[name].checks(frame_limits(settings, name))
    return [(check.name, SEVERITIES[check.severity], check.sentence) for check in checks]


def _render_section(name: str, rows: list[Row]) -> str:
    lines = [f"| {check} | {severity} | {sentence} |" for check, severity, sentence in rows]
    header = "| name | default severity | a row breaks the rule if ..., or the check expects: |"
    return "\n".join([f"### {name}\n", header, "|---|---|---|", *lines, ""])


if __name__ == "__main__":
    sys.stdout.write(render_page())
