"""`forget`: erase a customer."""

from holdfast.commands.options import DEFAULT_CONFIG, Config, Customer
from holdfast.printing.console import CONSOLE

NAME = "forget"
EXAMPLE = "forget 00042"


def command(customer_id: Customer, config: Config = DEFAULT_CONFIG) -> None:
    """Erase a customer from the store and from every table below the workspace; say what is out of reach. May be said again.

    A keyed hash stays, so that no later load brings the person back. Lists that were issued keep a row without the id.
    """
    from expectations.validation.tables import utc_now
    from serving.privacy.erasure import erase
    from serving.store.engine import open_store
    from settings.load import load_settings

    settings = load_settings(config)
    done = erase(settings, open_store(settings.store_url), customer_id, utc_now(), f"command {NAME}")
    for place, rows in done.rows.items():
        CONSOLE.print(f"  {place}: {rows:,} rows")
    CONSOLE.print(f"  issued lists: {done.lists:,} rows keep their arm and what came of them, without the id")
    CONSOLE.print("Erased. Out of reach from here:")
    for sentence in done.out_of_reach:
        CONSOLE.print(f"  - {sentence}")
