"""`forget`: erase a customer."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from holdfast.commands.options import DEFAULT_CONFIG, Config, Customer, Preemptive
from holdfast.printing.console import CONSOLE, MESSAGES
from holdfast.printing.json_output import Json, print_json

if TYPE_CHECKING:
    from serving.privacy.erasure import Erasure

NAME = "forget"
EXAMPLE = "forget 00042"
EXIT_INCOMPLETE = 1


def command(
    customer_id: Customer,
    config: Config = DEFAULT_CONFIG,
    preemptive: Preemptive = False,  # noqa: FBT002  # a flag of the command line
    as_json: Json = False,  # noqa: FBT002  # likewise
) -> None:
    """Erase a customer from the store and from every table in the workspace, and list what is out of reach. Safe to repeat.

    A keyed hash is kept, so that no later load brings the customer back. Issued lists keep their row, without the id. Exit code
    1: something in the workspace could not be reached, and may still hold rows of the customer. An id that
    no table, score or list has is refused without --preemptive: a future customer of this id would be erased for good.
    """
    from holdfast.jobs.known import refuse_unknown_id
    from holdfast.jobs.store import StoreHandle
    from serving.privacy.erasure import erase
    from settings.clock import utc_now
    from settings.load import load_settings

    settings = load_settings(config)
    with StoreHandle(settings) as store:
        engine = store.open()
        if not preemptive:
            refuse_unknown_id(settings, engine, customer_id)
        erasure = erase(settings, engine, customer_id, utc_now(), f"command {NAME}", holds_lock=True)
    if as_json:
        print_json({"customer_id": customer_id, "complete": erasure.complete} | asdict(erasure))
    else:
        _print_erasure(erasure)
    if not erasure.complete:
        raise typer.Exit(EXIT_INCOMPLETE)


def _print_erasure(erasure: "Erasure") -> None:
    for place, rows in erasure.rows.items():
        CONSOLE.print(f"  {place}: {rows:,} rows")
    CONSOLE.print(f"  issued lists: {erasure.lists:,} rows keep their arm and outcome, without the id")
    CONSOLE.print("Erased. Out of reach from here:" if erasure.complete else "Erased in part. Out of reach from here:")
    for sentence in erasure.out_of_reach:
        CONSOLE.print(f"  - {sentence}")
    for place in erasure.unreached:
        MESSAGES.print(f"Not erased: {place}. Repair or delete it, and run `forget` again.")
