"""What lists earned, on the console."""

from datetime import date

from rich.console import Console
from rich.table import Table

from models.effects import Effect
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
    for sentence in _cautions(found):
        console.print(sentence)


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


def _cautions(found: list[Earned]) -> list[str]:
    whole = next((each for each in found if each.scope in {"all", "list"}), None)
    return [] if whole is None or not whole.is_too_small else [_too_small(whole)]


def _too_small(whole: Earned) -> str:
    if whole.treated + whole.control == 0:
        return f"Too early to tell: no customer's window has ended yet; the first ends on {whole.next_end}."
    if whole.profit is None:
        arms = f"{whole.treated:,} treated and {whole.control:,} held out"
        return f"Too small to tell: {arms}; an arm needs two customers at least."
    if whole.more is None:
        return "Too small to tell, and no gain was expected: no number of customers would show one."
    if whole.more == 0:
        return (
            f"So many would show the gain of {whole.expected_gain:.2f} per treated customer that was expected: it is not there."
        )
    return (
        f"Too small to tell: the interval of the profit holds zero. About {whole.more:,} more customers, split the same way, "
        f"would show the expected gain of {whole.expected_gain:.2f} per treated customer in four of five cases."
    )
