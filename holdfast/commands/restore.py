"""`restore`: bring back what `backup` saved."""

from pathlib import Path
from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, Config
from holdfast.printing.console import CONSOLE, MESSAGES

NAME = "restore"
EXAMPLE = "restore /backups/holdfast-2026-11-23.tar"

Source = Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Archive that `backup` wrote.", show_default=False)]
Replace = Annotated[bool, typer.Option("--replace", help="Replace the store that the workspace has. Stop the service first.")]
Empty = Annotated[
    bool, typer.Option("--empty", help="Without a backup: go on with an empty store. Runs, lists and their results are lost.")
]


def command(
    path: Source = None,
    config: Config = DEFAULT_CONFIG,
    replace: Replace = False,  # noqa: FBT002  # flags of the command line
    empty: Empty = False,  # noqa: FBT002  # flags of the command line
) -> None:
    """Restore the store, the champions, the records of checks and the secret from a backup, after checking it.

    Objections and erasures that came after the backup are kept: they are beside the secret, and apply to the restored store.
    """
    from holdfast.jobs.backup import accept_empty_store, restore_backup
    from holdfast.jobs.store import StoreHandle
    from settings.load import load_settings

    settings = load_settings(config)
    if (path is None) is not empty:
        raise typer.BadParameter("name the archive, or give --empty to go on without one", param_hint="FILE")
    if path is None:
        accept_empty_store(settings)
        CONSOLE.print("The workspace goes on with an empty store. Run `score`, or `run`; create new keys with `keys create`.")
        return
    created_at = restore_backup(settings, path, replace=replace)
    with StoreHandle(settings) as store:
        store.open()
        unreached = store.complete_erasures()
    for place in unreached:
        MESSAGES.print(f"Customers erased since the backup may still be in {place}.")
    CONSOLE.print(f"Restored the backup of {created_at}. `serve` works now; `run` loads the tables and publishes new scores.")
