"""Print what the lists earned."""

from datetime import date

from rich.console import Console
from rich.table import Table

from models.uplift.treatment_effect import Effect
from serving.outcomes.measure import GroupOutcome

TITLES = {
    "all": "All lists together, each customer once per window",
    "global": "Against the global control",
    "kind": "By list",
    "action": "By action",
    "segment": "By loyalty segment",
    "cumulated": "Cumulative, by week",
    "list": "Each issued list",
}

EFFECT_COLUMNS = ("orders per treated", "profit per treated", "total profit")
COLUMNS = ("name", "treated", "held out", "window ended", *EFFECT_COLUMNS, "conclusive?")


def print_outcomes(console: Console, outcomes: list[GroupOutcome], currency: str, until: date) -> None:
    """Print a table per grouping, and a sentence if the overall result is inconclusive."""
    console.print(f"Orders before {until}. Profit in {currency}, after the cost of the actions. 95 % intervals.")
    console.print("Only customers whose window has ended count.")
    for scope, title in TITLES.items():
        groups = [group for group in outcomes if group.scope == scope]
        if groups:
            console.print(_table(title, groups))
    overall = next((group for group in outcomes if group.scope in {"all", "list"}), None)
    if overall is not None and overall.caution is not None:
        console.print(overall.caution)


def _table(title: str, groups: list[GroupOutcome]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in COLUMNS:
        table.add_column(name, justify="left" if name in {COLUMNS[0], COLUMNS[-1]} else "right", overflow="fold")
    for group in groups:
        total = "-" if group.total is None else f"{group.total[0]:,.0f} [{group.total[1]:,.0f}, {group.total[2]:,.0f}]"
        effects = (_format_effect(group.orders, 3), _format_effect(group.profit, 2), total)
        table.add_row(group.name, f"{group.treated:,}", f"{group.control:,}", f"{group.closed:.0%}", *effects, group.verdict)
    return table


def _format_effect(effect: Effect | None, digits: int) -> str:
    return "-" if effect is None else f"{effect.mean:+.{digits}f} [{effect.low:+.{digits}f}, {effect.high:+.{digits}f}]"
