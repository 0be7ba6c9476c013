"""`withdraw`: take back a published scoring run."""

from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, Config
from holdfast.printing.console import CONSOLE

NAME = "withdraw"
EXAMPLE = "withdraw 12"

RunId = Annotated[int, typer.Argument(metavar="RUN", min=1, help="Number of the run, from `runs`.")]


def command(run_id: RunId, config: Config = DEFAULT_CONFIG) -> None:
    """Take back a published run: the run before it becomes current, for the service, the pages and the lists.

    Lists issued from it stay, because they may have been acted on; they are marked as withdrawn.
    """
    from holdfast.jobs.store import StoreHandle
    from serving.store.runs import find_current_run
    from serving.store.withdrawal import withdraw_run
    from settings.clock import utc_now
    from settings.load import load_settings

    settings = load_settings(config)
    with StoreHandle(settings) as store:
        engine = store.open()
        list_ids = withdraw_run(engine, run_id, utc_now(), f"command {NAME}")
        current = find_current_run(engine)
    CONSOLE.print(f"Run {run_id} is withdrawn.")
    if list_ids:
        CONSOLE.print(
            f"Lists issued from it, now marked as withdrawn: {', '.join(list_ids)}. Issue new ones with `list` or `run`."
        )
    if current is None:
        CONSOLE.print("No run is current now; run `score`.")
    else:
        CONSOLE.print(f"Run {current.run_id}, as of {current.as_of}, is current now.")
