"""`reinstate`: let a replaced list count again."""

from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, Config
from holdfast.printing.console import CONSOLE

NAME = "reinstate"
EXAMPLE = 'reinstate at_risk-2026-W47-12 --reason "it was sent already"'

ListId = Annotated[str, typer.Argument(metavar="LIST_ID", help="Id of the list, from its rows or from the pages.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; the audit records it.")]


def command(list_id: ListId, reason: Reason, config: Config = DEFAULT_CONFIG) -> None:
    """Undo the replacement of a list: it counts as acted on again, instead of the one that replaced it.

    Customers of the other list stay paused and in the outcomes if it was read or downloaded.
    """
    from holdfast.jobs.store import StoreHandle
    from serving.lists.replacement import reinstate
    from serving.store.lists.precedence import counting_sentence
    from settings.clock import utc_now
    from settings.load import load_settings

    with StoreHandle(load_settings(config)) as store:
        issued = reinstate(store.open(), list_id, f"command {NAME}", utc_now(), reason)
    CONSOLE.print(f"{issued.list_id}: {counting_sentence(issued, issued)}")
