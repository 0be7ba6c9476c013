"""`promote`: the challenger becomes champion."""

from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, Config
from holdfast.printing.console import CONSOLE, MESSAGES

NAME = "promote"
EXAMPLE = "promote 2"

Version = Annotated[str | None, typer.Argument(help="Version in the model registry. Default: the challenger.")]
Force = Annotated[bool, typer.Option("--force", help="Promote even if a gate fails; the registry keeps a note of it.")]


def command(version: Version = None, config: Config = DEFAULT_CONFIG, *, force: Force = False) -> None:
    """Make a registered version the champion, if it passes the gates on accuracy and calibration.

    It must have been backtested, be calibrated, beat the recency rule overall, and not be much worse in any segment. Against
    a champion of another kind it must be significantly better (95 %).
    """
    from settings.load import load_settings
    from training.registry.promotion import confirm, promote

    settings = load_settings(config)
    promotion = promote(settings, version, force=force)
    for note in promotion.notes:
        MESSAGES.print(note)
    for gate in promotion.failed:
        MESSAGES.print(f"Promoted with --force: version {promotion.version} {gate}.")
    CONSOLE.print(f"Version {promotion.version} is champion.")
    if promotion.folder != promotion.version:
        MESSAGES.print(f"Its scores name it {promotion.folder}: another champion has had the number {promotion.version} before.")
    confirm(settings)
