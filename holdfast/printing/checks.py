"""Print the checks of the tables: a summary table, then each warning as a line."""

from rich.console import Console
from rich.table import Table

from expectations.check import Finding
from expectations.validation.report import TableReport
from holdfast.printing.console import MESSAGES

STATES = {(False, False): "good", (False, True): "good, with warnings", (True, False): "STOPPED", (True, True): "STOPPED"}


def print_reports(console: Console, reports: list[TableReport], *, in_full: bool = False) -> None:
    """Print rows read, used and quarantined per table with the reasons, and one line per warning.

    Warnings that the load before had too are named in one line per table, unless `in_full`.
    """
    table = Table(title="Tables", title_justify="left")
    for name in ("table", "read", "used", "quarantined"):
        table.add_column(name, justify="left" if name == "table" else "right")
    table.add_column("reason", overflow="fold")
    table.add_column("state")
    for report in reports:
        reason = report.problem or ", ".join(f"{rows:,} {rule}" for rule, rows in report.rules.items())
        state = STATES[not report.usable, bool(report.warnings)]
        table.add_row(report.table, f"{report.read:,}", f"{report.used:,}", f"{report.quarantined:,}", reason, state)
    console.print(table)
    for report in reports:
        print_warnings(console, report.table, report.warnings if in_full else report.new_warnings)
        standing = [] if in_full else [finding.check.name for finding in report.warnings if finding not in report.new_warnings]
        if standing:
            console.print(f"{report.table}: warnings as in the load before ({', '.join(standing)}); `validate` shows them.")


def print_note(note: str | None) -> None:
    """Print a note to stderr; nothing without one."""
    if note:
        MESSAGES.print(note)


def warn(name: str, findings: list[Finding]) -> None:
    """Print the failed warnings of a frame to stderr, one per line."""
    print_warnings(MESSAGES, name, findings)


def print_warnings(console: Console, name: str, findings: list[Finding]) -> None:
    """Print each failed check that only warns, one per line, with the list or frame that it is about; `name` is the default."""
    for finding in findings:
        console.print(f"{finding.subject or name}, {finding.check.name}: {finding.message}")
