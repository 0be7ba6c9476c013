"""`suppress`: a customer objects to marketing."""

from holdfast.commands.options import DEFAULT_CONFIG, Config, Customer
from holdfast.printing.console import CONSOLE

NAME = "suppress"
EXAMPLE = "suppress 00042"


def command(customer_id: Customer, config: Config = DEFAULT_CONFIG) -> None:
    """Record a customer's objection to marketing: no predictions and no lists from now on. Safe to repeat."""
    from serving.privacy.erasure import suppress
    from serving.store.engine import open_store
    from settings.clock import utc_now
    from settings.load import load_settings

    settings = load_settings(config)
    is_new = suppress(settings, open_store(settings.store_url), customer_id, utc_now(), f"command {NAME}")
    CONSOLE.print("The customer is suppressed." if is_new else "The customer was already suppressed or erased; nothing changed.")
