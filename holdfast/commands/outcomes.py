"""`outcomes`: measure what the lists earned."""

from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, Config
from holdfast.printing.console import CONSOLE
from holdfast.printing.json_output import Json, print_json

NAME = "outcomes"
EXAMPLE = "outcomes --list at_risk-2026-W47-run12"

ListId = Annotated[str | None, typer.Option("--list", metavar="ID", help="Show only this list. Default: all lists.")]


def command(
    config: Config = DEFAULT_CONFIG,
    list_id: ListId = None,
    as_json: Json = False,  # noqa: FBT002  # a flag of the command line
) -> None:
    """Measure the extra orders and profit of the lists, with 95 % intervals: treated customers against the control group.

    Intention-to-treat: customers count in the arm they were assigned to. Only customers whose window has ended count; the
    window is the churn horizon. Outcomes are known up to the newest order. Before the first result, the day of it is named.
    """
    from holdfast.jobs.outcomes import read_outcomes
    from holdfast.jobs.session import open_session
    from holdfast.printing.checks import print_note
    from holdfast.printing.outcomes import print_outcomes
    from settings.clock import utc_now

    with open_session(config, None) as session:
        print_note(session.note)
        report = read_outcomes(session, utc_now(), list_id)
    currency = session.settings.value.currency
    if as_json:
        print_json(report.as_dict() | {"currency": currency})
    elif report.outcomes:
        print_outcomes(CONSOLE, report.outcomes, currency, report.until)
    else:
        CONSOLE.print(report.message)
