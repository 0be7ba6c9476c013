"""`unsuppress`: a customer who objected to marketing opts in again."""

from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, Config, Customer
from holdfast.printing.console import CONSOLE

NAME = "unsuppress"
EXAMPLE = 'unsuppress 00042 --reason "opted in again by e-mail"'

Reason = Annotated[str, typer.Option("--reason", help="Why; the audit records it.")]


def command(customer_id: Customer, reason: Reason, config: Config = DEFAULT_CONFIG) -> None:
    """Take a customer's objection back. The customer has scores and may come on lists again from the next run."""
    from holdfast.jobs.store import StoreHandle
    from serving.privacy.objections import unsuppress
    from settings.clock import utc_now
    from settings.load import load_settings

    settings = load_settings(config)
    with StoreHandle(settings) as store:
        unsuppress(settings, store.open(), customer_id, utc_now(), f"command {NAME}", reason)
    CONSOLE.print("The objection is lifted. The customer has scores again from the next run.")
