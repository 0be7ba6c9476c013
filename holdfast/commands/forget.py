"""`forget`: erase a customer."""

from holdfast.commands.options import DEFAULT_CONFIG, Config, Customer
from holdfast.printing.console import CONSOLE

NAME = "forget"
EXAMPLE = "forget 00042"


def command(customer_id: Customer, config: Config = DEFAULT_CONFIG) -> None:
    """Erase a customer from the store and from every table in the workspace, and list what is out of reach. Safe to repeat.

    A keyed hash is kept, so that no later load brings the customer back. Issued lists keep their row, without the id.
    """
    from serving.privacy.erasure import erase
    from serving.store.engine import open_store
    from settings.clock import utc_now
    from settings.load import load_settings

    settings = load_settings(config)
    erasure = erase(settings, open_store(settings.store_url), customer_id, utc_now(), f"command {NAME}")
    for place, rows in erasure.rows.items():
        CONSOLE.print(f"  {place}: {rows:,} rows")
    CONSOLE.print(f"  issued lists: {erasure.lists:,} rows keep their arm and outcome, without the id")
    CONSOLE.print("Erased. Out of reach from here:")
    for sentence in erasure.out_of_reach:
        CONSOLE.print(f"  - {sentence}")
