"""`promote`: the challenger becomes champion."""

from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, Config
from holdfast.printing.console import CONSOLE, MESSAGES

NAME = "promote"
EXAMPLE = "promote 2"

Version = Annotated[str | None, typer.Argument(help="A version of the registry. Default: the challenger.")]
Force = Annotated[bool, typer.Option("--force", help="Promote although a gate does not hold; the registry keeps a note of it.")]


def command(version: Version = None, config: Config = DEFAULT_CONFIG, *, force: Force = False) -> None:
    """Make a registered version the champion, once it is better than the recency rule and the champion's kind, and calibrated."""
    from settings.load import load_settings
    from training.registry.promotion import promote

    promoted, failed = promote(load_settings(config), version, force=force)
    for gate in failed:
        MESSAGES.print(f"By force: version {promoted} {gate}.")
    CONSOLE.print(f"Version {promoted} is champion.")
