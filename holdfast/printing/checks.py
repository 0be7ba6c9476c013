"""The checks of the tables on the console: a short table, then what was found in words."""

from rich.console import Console
from rich.table import Table

from expectations.check import Finding
from expectations.validation.report import TableReport
from holdfast.printing.console import MESSAGES

STATES = {(False, False): "good", (False, True): "good, with warnings", (True, False): "STOPPED", (True, True): "STOPPED"}


def print_reports(console: Console, reports: list[TableReport]) -> None:
    """Rows read, used and quarantined per table, why, and every warning as a line of its own."""
    table = Table(title="Tables", title_justify="left")
    for name in ("table", "read", "used", "quarantined"):
        table.add_column(name, justify="left" if name == "table" else "right")
    table.add_column("why", overflow="fold")
    table.add_column("state")
    for report in reports:
        why = report.problem or ", ".join(f"{rows:,} {rule}" for rule, rows in report.rules.items())
        state = STATES[not report.usable, bool(report.warnings)]
        table.add_row(report.table, f"{report.read:,}", f"{report.used:,}", f"{report.quarantined:,}", why, state)
    console.print(table)
    for report in reports:
        print_warnings(console, report.table, report.warnings)


def warn(name: str, findings: list[Finding]) -> None:
    """Print a frame's failed warnings to stderr, one a line."""
    print_warnings(MESSAGES, name, findings)


def print_warnings(console: Console, name: str, findings: list[Finding]) -> None:
    """What did not hold and only warns, each in one line."""
    for finding in findings:
        console.print(f"{name}, {finding.check.name}: {finding.message}")
