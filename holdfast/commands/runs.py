"""`runs`: the published scoring runs."""

from holdfast.commands.options import DEFAULT_CONFIG, Config
from holdfast.printing.console import CONSOLE

NAME = "runs"
EXAMPLE = "runs --config demo/holdfast.toml"


def command(config: Config = DEFAULT_CONFIG) -> None:
    """Show the kept scoring runs, the newest as-of date first, and which of them is current."""
    from holdfast.jobs.store import StoreHandle
    from holdfast.printing.tables import print_runs
    from serving.store.withdrawal import list_runs
    from settings.load import load_settings

    settings = load_settings(config)
    with StoreHandle(settings) as store:
        engine = store.open_existing()
        print_runs(CONSOLE, [] if engine is None else list_runs(engine))
