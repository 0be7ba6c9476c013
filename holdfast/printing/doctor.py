"""Print what `doctor` found."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from holdfast.jobs.doctor import Finding
from settings.urls import hide_credentials

WORDS = {"good": "good", "look": "look", "wrong": "WRONG"}


def print_findings(console: Console, findings: Sequence[Finding]) -> None:
    """Print one row per part, and the first thing to do."""
    table = Table()
    for name in ("part", "state", "what it is like", "next"):
        table.add_column(name, overflow="fold")
    for finding in findings:
        cells = (finding.part, WORDS[finding.state], finding.text, finding.next_step)
        table.add_row(*(hide_credentials(cell) for cell in cells))
    console.print(table)
    steps = [finding for state in ("wrong", "look") for finding in findings if finding.state == state and finding.next_step]
    console.print(f"Next: {steps[0].next_step}." if steps else "Everything is in order.")


def doctor_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the findings as JSON."""
    return {
        "findings": [
            {
                "part": finding.part,
                "state": finding.state,
                "text": hide_credentials(finding.text),
                "next": hide_credentials(finding.next_step) or None,
            }
            for finding in findings
        ]
    }
