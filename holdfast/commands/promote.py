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
    from training.registry.promotion import promote

    promoted, failed_gates = promote(load_settings(config), version, force=force)
    for gate in failed_gates:
        MESSAGES.print(f"Promoted with --force: version {promoted} {gate}.")
    CONSOLE.print(f"Version {promoted} is champion.")
