"""Print what an export was recognised as, what it adds up to, and what could not be seen."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from holdfast.exports.proposal import Proposal, TableGuess
from holdfast.exports.verify import Totals
from holdfast.printing.checks import print_reports


def print_proposal(console: Console, proposal: Proposal, totals: Totals, path: Path) -> None:
    """Print the guesses per table, the totals of the orders, the open questions, and what to type next."""
    console.print(f"Recognised as: {escape(proposal.title)}.")
    for guess in proposal.tables:
        console.print(_columns(guess))
        for sql, reason in guess.where:
            console.print(f"{guess.table}: rows count only if {escape(sql)} ({reason}).")
    for note in proposal.notes:
        console.print(escape(note))
    if totals.reports:
        print_reports(console, totals.reports, in_full=True)
    if totals.orders:
        currency = f" {proposal.currency}" if proposal.currency else ""
        console.print(
            f"{totals.customers:,} customers with {totals.orders:,} orders from {totals.first_day} to {totals.last_day}, "
            f"{totals.amount:,.2f}{currency} in all. Compare this with the shop's own figures."
        )
    if proposal.unseen:
        console.print("The export does not tell:")
    for sentence in proposal.unseen:
        console.print(f"- {escape(sentence)}")
    _print_next(console, proposal, totals, path)


def _columns(guess: TableGuess) -> Table:
    table = Table(title=f"{guess.table}, from {escape(guess.main.name)}", title_justify="left")
    for name in ("column", "from", "why"):
        table.add_column(name, overflow="fold")
    for column in guess.columns:
        table.add_row(column.name, escape(column.source), escape(column.comment))
    return table


def _print_next(console: Console, proposal: Proposal, totals: Totals, path: Path) -> None:
    option = "" if str(path) == "holdfast.toml" else f" --config {path}"
    if proposal.missing:
        names = ", ".join(proposal.missing)
        console.print(f"Not found: {names}. Complete [columns.transactions] in {path}, then: holdfast validate{option}")
    elif not totals.orders:
        console.print(f"No order can be used with these guesses. Correct {path}, then: holdfast validate{option}")
    else:
        console.print(f"Wrote {path}. Next: holdfast train{option}, then holdfast run{option}")
