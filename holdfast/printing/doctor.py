"""Print what `doctor` found."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from settings.urls import hide_credentials

WORDS = {"good": "good", "look": "look", "wrong": "WRONG"}

Row = tuple[str, str, str, str]  # part, state, text, next step


def print_findings(console: Console, findings: Sequence[Row]) -> None:
    """Print one row per part, and the first thing to do."""
    table = Table()
    for name in ("part", "state", "what it is like", "next"):
        table.add_column(name, overflow="fold")
    for part, state, text, step in findings:
        table.add_row(part, WORDS[state], hide_credentials(text), hide_credentials(step))
    console.print(table)
    steps = [row[3] for urgent in ("wrong", "look") for row in findings if row[1] == urgent and row[3]]
    console.print(f"Next: {steps[0]}." if steps else "Everything is in order.")


def doctor_json(findings: Sequence[Row]) -> dict[str, Any]:
    """Return the findings as JSON."""
    rows = [
        {"part": part, "state": state, "text": hide_credentials(text), "next": hide_credentials(step) or None}
        for part, state, text, step in findings
    ]
    return {"findings": rows}
