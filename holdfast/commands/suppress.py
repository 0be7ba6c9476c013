"""`suppress`: a customer objects to marketing."""

from holdfast.commands.options import DEFAULT_CONFIG, Config, Customer
from holdfast.printing.console import CONSOLE

NAME = "suppress"
EXAMPLE = "suppress 00042"


def command(customer_id: Customer, config: Config = DEFAULT_CONFIG) -> None:
    """Stop profiling a customer at once: no score, no list, from now on. May be said again."""
    from expectations.validation.tables import utc_now
    from serving.privacy.erasure import suppress
    from serving.store.engine import open_store
    from settings.load import load_settings

    settings = load_settings(config)
    new = suppress(settings, open_store(settings.store_url), customer_id, utc_now(), f"command {NAME}")
    CONSOLE.print("The customer is suppressed." if new else "The customer was suppressed or erased before; nothing changed.")
