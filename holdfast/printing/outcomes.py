"""Print what the lists earned."""

from datetime import date

from rich.console import Console
from rich.table import Table

from models.uplift.treatment_effect import Effect
from serving.outcomes.measure import GroupOutcome
from serving.outcomes.tables import NOTE_ON_GLOBAL_CONTROL, OutcomeTable, group_figures, join_titles, merge_equal_tables

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
    by_scope = {scope: [group for group in outcomes if group.scope == scope] for scope in TITLES}
    for table in merge_equal_tables(by_scope, lambda group: group.name, group_figures):
        console.print(_table(table))
    if any(group.global_control for group in outcomes):
        console.print(NOTE_ON_GLOBAL_CONTROL)
    overall = next((group for group in outcomes if group.scope in {"all", "list"}), None)
    if overall is not None and overall.caution is not None:
        console.print(overall.caution)


def _table(outcome_table: OutcomeTable[GroupOutcome]) -> Table:
    table = Table(title=join_titles([TITLES[scope] for scope in outcome_table.scopes]), title_justify="left")
    for name in COLUMNS:
        table.add_column(name, justify="left" if name in {COLUMNS[0], COLUMNS[-1]} else "right", overflow="fold")
    for group, names in zip(outcome_table.rows, outcome_table.names, strict=True):
        total = "-" if group.total is None else f"{group.total[0]:z,.0f} [{group.total[1]:z,.0f}, {group.total[2]:z,.0f}]"
        control = f"{group.control:,} (+{group.global_control:,})" if group.global_control else f"{group.control:,}"
        effects = (_format_effect(group.orders, 3), _format_effect(group.profit, 2), total)
        table.add_row(
            ", ".join(dict.fromkeys(names.values())),
            f"{group.treated:,}",
            control,
            f"{group.closed:.0%}",
            *effects,
            group.verdict,
        )
    return table


def _format_effect(effect: Effect | None, digits: int) -> str:
    return "-" if effect is None else f"{effect.mean:+z.{digits}f} [{effect.low:+z.{digits}f}, {effect.high:+z.{digits}f}]"
