"""What lists earned, on the console."""

from datetime import date

from rich.console import Console
from rich.table import Table

from models.uplift.treatment_effect import Effect
from serving.outcomes.measure import Earned

TITLES = {
    "all": "All lists together, each customer once per window",
    "global": "Against the global control",
    "kind": "By list",
    "action": "By action",
    "segment": "By loyalty segment",
    "cumulated": "Up to each week",
    "list": "Each issued list",
}

PER_TREATED = ("orders per treated", "profit per treated", "profit in all")
COLUMNS = ("name", "treated", "held out", "window closed", *PER_TREATED, "can it be told?")


def print_outcomes(console: Console, found: list[Earned], currency: str, until: date) -> None:
    """A table per grouping, and a sentence where nothing can be told yet."""
    console.print(f"Orders known before {until}; profit in {currency} after the cost of the actions; 95 % intervals.")
    console.print("Only customers whose window has ended count.")
    for scope, title in TITLES.items():
        rows = [each for each in found if each.scope == scope]
        if rows:
            console.print(_table(title, rows))
    whole = next((each for each in found if each.scope in {"all", "list"}), None)
    if whole is not None and whole.caution is not None:
        console.print(whole.caution)


def _table(title: str, rows: list[Earned]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in COLUMNS:
        table.add_column(name, justify="left" if name in {COLUMNS[0], COLUMNS[-1]} else "right", overflow="fold")
    for each in rows:
        total = "-" if each.total is None else f"{each.total[0]:,.0f} [{each.total[1]:,.0f}, {each.total[2]:,.0f}]"
        effects = (_effect(each.orders, 3), _effect(each.profit, 2), total)
        table.add_row(each.name, f"{each.treated:,}", f"{each.control:,}", f"{each.closed:.0%}", *effects, each.verdict)
    return table


def _effect(found: Effect | None, digits: int) -> str:
    return "-" if found is None else f"{found.mean:+.{digits}f} [{found.low:+.{digits}f}, {found.high:+.{digits}f}]"
