"""`suppress`: a customer objects to marketing."""

from holdfast.commands.options import DEFAULT_CONFIG, Config, Customer
from holdfast.printing.console import CONSOLE
from holdfast.printing.json_output import Json, print_json

NAME = "suppress"
EXAMPLE = "suppress 00042"


def command(customer_id: Customer, config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:  # noqa: FBT002  # a flag
    """Record a customer's objection to marketing: no predictions and no lists from now on. Safe to repeat."""
    from holdfast.jobs.store import StoreHandle
    from serving.privacy.objections import suppress
    from settings.clock import utc_now
    from settings.load import load_settings

    settings = load_settings(config)
    with StoreHandle(settings) as store:
        is_new = suppress(settings, store.open(), customer_id, utc_now(), f"command {NAME}")
    if as_json:
        print_json({"customer_id": customer_id, "suppressed": True, "new": is_new})
        return
    CONSOLE.print("The customer is suppressed." if is_new else "The customer was already suppressed or erased; nothing changed.")
