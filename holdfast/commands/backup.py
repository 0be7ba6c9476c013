"""`backup`: save what cannot be computed again."""

from pathlib import Path
from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, Config
from holdfast.printing.console import CONSOLE

NAME = "backup"
EXAMPLE = "backup /backups/holdfast-2026-11-23.tar"

Target = Annotated[Path, typer.Argument(metavar="FILE", help="Archive to write; it is readable by its owner only.")]
WithoutSecret = Annotated[
    bool, typer.Option("--without-secret", help="Leave out the workspace's secret, to keep it apart. Restoring needs it.")
]


def command(
    path: Target,
    config: Config = DEFAULT_CONFIG,
    without_secret: WithoutSecret = False,  # noqa: FBT002  # a flag of the command line
) -> None:
    """Write the store, the champions, the records of checks and MLflow's local files to one archive with checksums.

    The service may go on meanwhile. The tables are not in it: they are loaded from their sources again.
    """
    from holdfast.jobs.backup import write_backup
    from holdfast.jobs.store import StoreHandle
    from settings.load import load_settings

    settings = load_settings(config)
    with StoreHandle(settings) as store:
        files = write_backup(settings, store.open(), path, with_secret=not without_secret)
    CONSOLE.print(f"{files:,} files, {path.stat().st_size / 1e6:,.1f} MB: {path}")
    if without_secret:
        CONSOLE.print(f"The secret is not in it: keep a copy of {settings.secret_path} elsewhere.")
