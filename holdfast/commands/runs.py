"""`runs`: the published scoring runs."""

from holdfast.commands.options import DEFAULT_CONFIG, Config
from holdfast.printing.console import CONSOLE
from holdfast.printing.json_output import Json, print_json

NAME = "runs"
EXAMPLE = "runs --config demo/holdfast.toml"


def command(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:  # noqa: FBT002  # a flag of the command line
    """Show the kept scoring runs, the newest as-of date first, and which of them is current."""
    from holdfast.jobs.store import StoreHandle
    from holdfast.printing.store import print_runs, runs_json
    from serving.store.withdrawal import list_runs
    from settings.load import load_settings

    settings = load_settings(config)
    with StoreHandle(settings) as store:
        engine = store.open_existing()
        entries = [] if engine is None else list_runs(engine)
    if as_json:
        print_json({"runs": runs_json(entries)})
    else:
        print_runs(CONSOLE, entries)
