"""`outcomes`: what the lists earned against those held out."""

from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, Config
from holdfast.printing.console import CONSOLE

NAME = "outcomes"
EXAMPLE = "outcomes --list at_risk-2026-W47-run12"

ListId = Annotated[str | None, typer.Option("--list", metavar="ID", help="One list alone, by its id. Default: all of them.")]


def command(config: Config = DEFAULT_CONFIG, list_id: ListId = None) -> None:
    """Compare treated customers with those held out: orders and profit that the lists brought, with 95 % intervals.

    Everybody counts in the arm that the list drew, whatever was done then. Reads the orders up to the newest one; the window of
    a list is the churn horizon.
    """
    from expectations.validation.tables import utc_now
    from holdfast.jobs.outcomes import measured
    from holdfast.jobs.session import open_session
    from holdfast.printing.outcomes import print_outcomes
    from serving.store.engine import open_store
    from settings.errors import UserError

    session = open_session(config, None)
    found, until = measured(session, open_store(session.settings.store_url), utc_now())
    wanted = [each for each in found if (each.scope == "list" and each.name == list_id) or list_id is None]
    if not wanted:
        raise UserError(f"There is no issued list {list_id!r} with outcomes; `outcomes` alone names those there are.")
    print_outcomes(CONSOLE, wanted, session.settings.value.currency, until)
