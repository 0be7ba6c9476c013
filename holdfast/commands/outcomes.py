"""`outcomes`: measure what the lists earned."""

from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, Config
from holdfast.printing.console import CONSOLE

NAME = "outcomes"
EXAMPLE = "outcomes --list at_risk-2026-W47-run12"

ListId = Annotated[str | None, typer.Option("--list", metavar="ID", help="Show only this list. Default: all lists.")]


def command(config: Config = DEFAULT_CONFIG, list_id: ListId = None) -> None:
    """Measure the extra orders and profit of the lists, with 95 % intervals: treated customers against the control group.

    Intention-to-treat: customers count in the arm they were assigned to. Only customers whose window has ended count; the
    window is the churn horizon. Outcomes are known up to the newest order.
    """
    from holdfast.jobs.outcomes import update_outcomes
    from holdfast.jobs.session import open_session
    from holdfast.printing.checks import print_note
    from holdfast.printing.outcomes import print_outcomes
    from settings.clock import utc_now
    from settings.errors import UserError

    with open_session(config, None) as session:
        print_note(session.note)
        outcomes, until = update_outcomes(session, utc_now())
    shown = [group for group in outcomes if list_id is None or (group.scope == "list" and group.name == list_id)]
    if not shown:
        raise UserError(f"There are no outcomes of a list {list_id!r}; `outcomes` without --list shows all lists.")
    print_outcomes(CONSOLE, shown, session.settings.value.currency, until)
