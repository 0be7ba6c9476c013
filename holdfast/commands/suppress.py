"""`suppress`: a customer objects to marketing."""

from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, Config, Customer, Preemptive
from holdfast.printing.console import CONSOLE
from holdfast.printing.json_output import Json, print_json

NAME = "suppress"
EXAMPLE = "suppress 00042"


Reason = Annotated[str | None, typer.Option("--reason", help="Why, or how it came; the audit records it.")]


def command(
    customer_id: Customer,
    config: Config = DEFAULT_CONFIG,
    reason: Reason = None,
    preemptive: Preemptive = False,  # noqa: FBT002  # a flag of the command line
    as_json: Json = False,  # noqa: FBT002  # likewise
) -> None:
    """Record a customer's objection to marketing: no predictions and no lists from now on. Safe to repeat.

    An id that no table, score or list has is refused without --preemptive. `unsuppress` takes an objection back, `suppressions`
    shows and imports them.
    """
    from holdfast.jobs.known import refuse_unknown_id
    from holdfast.jobs.store import StoreHandle
    from serving.privacy.objections import suppress
    from settings.clock import utc_now
    from settings.load import load_settings

    settings = load_settings(config)
    with StoreHandle(settings) as store:
        engine = store.open()
        if not preemptive:
            refuse_unknown_id(settings, engine, customer_id)
        is_new = suppress(settings, engine, customer_id, utc_now(), f"command {NAME}", reason)
    if as_json:
        print_json({"customer_id": customer_id, "suppressed": True, "new": is_new})
        return
    CONSOLE.print("The customer is suppressed." if is_new else "The customer was already suppressed or erased; nothing changed.")
